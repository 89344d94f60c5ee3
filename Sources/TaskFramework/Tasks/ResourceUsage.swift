// SPDX-License-Identifier: GPL-3.0-or-later
// What a process has used.

internal import Foundation

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// What the process has used up to a moment (framework C.4).
package struct ResourceUsage: Hashable, Sendable {
  /// ISO 8601 with microseconds and the offset `+00:00`.
  package var utc: String
  /// Seconds.
  package var cpuTime: Double
  package var userTime: Double
  package var systemTime: Double
  /// Bytes.
  package var maxResidentSetSize: Int64
  package var minorPageFaults: Int64
  package var majorPageFaults: Int64
  package var blockInputs: Int64
  package var blockOutputs: Int64
  package var voluntaryContextSwitches: Int64
  package var involuntaryContextSwitches: Int64

  package init(
    utc: String, cpuTime: Double, userTime: Double, systemTime: Double, maxResidentSetSize: Int64,
    minorPageFaults: Int64, majorPageFaults: Int64, blockInputs: Int64, blockOutputs: Int64,
    voluntaryContextSwitches: Int64, involuntaryContextSwitches: Int64
  ) {
    self.utc = utc
    self.cpuTime = cpuTime
    self.userTime = userTime
    self.systemTime = systemTime
    self.maxResidentSetSize = maxResidentSetSize
    self.minorPageFaults = minorPageFaults
    self.majorPageFaults = majorPageFaults
    self.blockInputs = blockInputs
    self.blockOutputs = blockOutputs
    self.voluntaryContextSwitches = voluntaryContextSwitches
    self.involuntaryContextSwitches = involuntaryContextSwitches
  }

  /// Names and values as metadata has them, in the documented order.
  package var items: [(name: String, value: MetadataScalar)] {
    [
      ("Utc", .string(utc)), ("CpuTime", .float(cpuTime)), ("UserTime", .float(userTime)),
      ("SystemTime", .float(systemTime)), ("MaxResidentSetSize", .integer(maxResidentSetSize)),
      ("MinorPageFaults", .integer(minorPageFaults)), ("MajorPageFaults", .integer(majorPageFaults)),
      ("BlockInputs", .integer(blockInputs)), ("BlockOutputs", .integer(blockOutputs)),
      ("VoluntaryContextSwitches", .integer(voluntaryContextSwitches)),
      ("InvoluntaryContextSwitches", .integer(involuntaryContextSwitches)),
    ]
  }
}

/// Where tasks get the time and what they used from; the only clock that they see.
package protocol ResourceMeter: Sendable {
  func usage() -> ResourceUsage
  /// The host, for the metadata of timers.
  var nodeName: String { get }
}

/// The meter of this process.
package struct ProcessResourceMeter: ResourceMeter {
  package init() {}

  package func usage() -> ResourceUsage {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    var cpu = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu)
    var usage = rusage()
    #if canImport(Glibc)
      getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
      let unit: Int64 = 1024
    #else
      getrusage(RUSAGE_SELF, &usage)
      let unit: Int64 = 1
    #endif
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) * 1e-6 }
    return ResourceUsage(
      utc: Self.iso8601(now), cpuTime: Double(cpu.tv_sec) + Double(cpu.tv_nsec) * 1e-9,
      userTime: seconds(usage.ru_utime), systemTime: seconds(usage.ru_stime),
      maxResidentSetSize: Int64(usage.ru_maxrss) * unit, minorPageFaults: Int64(usage.ru_minflt),
      majorPageFaults: Int64(usage.ru_majflt), blockInputs: Int64(usage.ru_inblock),
      blockOutputs: Int64(usage.ru_oublock), voluntaryContextSwitches: Int64(usage.ru_nvcsw),
      involuntaryContextSwitches: Int64(usage.ru_nivcsw))
  }

  private static func iso8601(_ time: timespec) -> String {
    var seconds = time.tv_sec
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let microseconds = "\(1_000_000 + time.tv_nsec / 1000)".dropFirst()
    let date = "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
    return "\(date)T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(microseconds)+00:00"
  }

  package var nodeName: String {
    var name = [CChar](repeating: 0, count: 256)
    gethostname(&name, 255)
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
