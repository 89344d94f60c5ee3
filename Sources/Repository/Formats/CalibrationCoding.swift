// SPDX-License-Identifier: GPL-3.0-or-later
// What is known about an exposure, in its file.

internal import HDF5
internal import Imaging
internal import SkyGeometry

extension PhotoCalib {
  func write(to group: HDF5Group) throws {
    try group.setAttribute("mean", mean)
    try group.setAttribute("error", error)
    try group.setAttribute("units", "nJy / count")
    try field?.write(to: group, "field")
  }

  init(reading group: HDF5Group) throws {
    try self.init(
      mean: try group.double("mean"), error: try group.double("error"),
      field: try group.contains("field") ? SpatialFunction(reading: group.dataset("field")) : nil)
  }
}

extension FilterLabel {
  func write(to group: HDF5Group) throws {
    if let band { try group.setAttribute("band", band) }
    if let physicalFilter { try group.setAttribute("physical_filter", physicalFilter) }
  }

  init(reading group: HDF5Group) throws {
    self.init(
      band: try group.hasAttribute("band") ? group.string("band") : nil,
      physicalFilter: try group.hasAttribute("physical_filter") ? group.string("physical_filter") : nil)
  }
}

extension Detector {
  func write(to group: HDF5Group) throws {
    try group.setAttribute("id", id)
    try group.setAttribute("name", name)
    try group.setAttribute("box", [box.minX, box.minY, box.width, box.height])
    for (name, value) in [("gain", gain), ("read_noise", readNoise), ("saturation", saturation)] {
      if let value { try group.setAttribute(name, value) }
    }
  }

  init(reading group: HDF5Group) throws {
    let numbers = try group.integers("box", count: 4)
    func value(_ name: String) throws -> Double? { try group.hasAttribute(name) ? group.double(name) : nil }
    self.init(
      id: try group.integer("id"), name: try group.string("name"),
      box: try Box2I(checkingMinX: numbers[0], minY: numbers[1], width: numbers[2], height: numbers[3]),
      gain: try value("gain"), readNoise: try value("read_noise"), saturation: try value("saturation"))
  }
}

extension VisitInfo {
  /// Names of attributes say the unit; angles are degrees.
  private static let doubles: [(String, any WritableKeyPath<VisitInfo, Double?> & Sendable)] = [
    ("exposure_time_s", \.exposureSeconds), ("dark_time_s", \.darkSeconds), ("mjd_tai", \.mjdTAI),
    ("mjd_ut1", \.mjdUT1), ("boresight_airmass", \.boresightAirmass), ("air_temperature_c", \.airTemperatureCelsius),
    ("air_pressure_pa", \.airPressurePascal), ("humidity_percent", \.humidityPercent),
    ("focus_z_mm", \.focusZMillimetres),
  ]
  private static let angles: [(String, any WritableKeyPath<VisitInfo, Angle?> & Sendable)] = [
    ("earth_rotation_angle_rad", \.earthRotationAngle), ("boresight_azimuth_rad", \.boresightAzimuth),
    ("boresight_altitude_rad", \.boresightAltitude), ("boresight_rotation_rad", \.boresightRotation),
  ]
  private static let texts: [(String, any WritableKeyPath<VisitInfo, String?> & Sendable)] = [
    ("instrument", \.instrument), ("observation_type", \.observationType), ("science_program", \.scienceProgram),
    ("observation_reason", \.observationReason), ("object", \.object),
  ]

  func write(to group: HDF5Group) throws {
    if let id { try group.setAttribute("id", Int(id)) }
    for (name, path) in Self.doubles { if let value = self[keyPath: path] { try group.setAttribute(name, value) } }
    // Radians, so that the number that is read is the number that was written.
    for (name, path) in Self.angles {
      if let value = self[keyPath: path] { try group.setAttribute(name, value.radians) }
    }
    for (name, path) in Self.texts { if let value = self[keyPath: path] { try group.setAttribute(name, value) } }
    if let boresight { try group.setAttribute("boresight_rad", [boresight.ra.radians, boresight.dec.radians]) }
    if let observatory {
      try group.setAttribute("observatory_longitude_rad", observatory.longitude.radians)
      try group.setAttribute("observatory_latitude_rad", observatory.latitude.radians)
      try group.setAttribute("observatory_elevation_m", observatory.elevationMetres)
    }
    if let hasSimulatedContent { try group.setAttribute("has_simulated_content", hasSimulatedContent) }
  }

  init(reading group: HDF5Group) throws {
    self.init()
    if group.hasAttribute("id") { id = Int64(try group.integer("id")) }
    for (name, path) in Self.doubles where group.hasAttribute(name) { self[keyPath: path] = try group.double(name) }
    for (name, path) in Self.angles where group.hasAttribute(name) {
      self[keyPath: path] = Angle(radians: try group.double(name))
    }
    for (name, path) in Self.texts where group.hasAttribute(name) { self[keyPath: path] = try group.string(name) }
    if group.hasAttribute("boresight_rad") {
      let numbers = try group.doubles("boresight_rad", count: 2)
      boresight = SpherePoint(ra: .radians(numbers[0]), dec: .radians(numbers[1]))
    }
    if group.hasAttribute("observatory_longitude_rad") {
      observatory = Observatory(
        longitude: .radians(try group.double("observatory_longitude_rad")),
        latitude: .radians(try group.double("observatory_latitude_rad")),
        elevationMetres: try group.double("observatory_elevation_m"))
    }
    if group.hasAttribute("has_simulated_content") {
      hasSimulatedContent = try group.boolean("has_simulated_content")
    }
  }
}
