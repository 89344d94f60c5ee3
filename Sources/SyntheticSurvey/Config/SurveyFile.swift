// SPDX-License-Identifier: GPL-3.0-or-later
// Surveys from files.

package import TaskFramework

extension SurveyConfig {
  /// Reads the description of a survey.
  ///
  /// - Returns: the configuration, which is valid, with the origin of its values.
  /// - Throws: ``TaskFramework/ConfigError`` with file, line and field.
  package static func read(_ path: String) throws(ConfigError) -> LoadedConfig {
    let value: ConfigValue
    do throws(YAMLError) {
      value = try YAMLText.parse(try ConfigSet.text(ofFile: path))
    } catch {
      throw ConfigError(origin: .file(path, line: error.line), path: "", reason: error.reason)
    }
    var config = LoadedConfig("survey", SurveyConfig())
    try config.apply(value, from: .file(path, line: nil))
    do throws(ConfigError) {
      try config.freeze()
    } catch {
      // What no single field shows comes without a place: at least the file is known.
      throw error.origin == .classDefault
        ? ConfigError(
          origin: config.origins[error.path] ?? .file(path, line: nil), path: error.path, reason: error.reason,
          suggestion: error.suggestion) : error
    }
    return config
  }
}
