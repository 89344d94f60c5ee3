# SPDX-License-Identifier: GPL-3.0-or-later
"""Smallest sums of assignments: matrices of costs in a JSON file, one number each as JSON."""

import json
import sys

import numpy
from scipy.optimize import linear_sum_assignment

sums = []
for matrix in json.load(open(sys.argv[1])):
    costs = numpy.array(matrix)
    rows, columns = linear_sum_assignment(costs)
    sums.append(float(costs[rows, columns].sum()))
print(json.dumps(sums))
