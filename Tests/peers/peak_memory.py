# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a program and prints its status and its largest resident set in bytes: peak_memory.py PROGRAM ARGUMENT..."""
import resource
import subprocess
import sys

status = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60).returncode
print(status, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
