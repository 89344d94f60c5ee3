// SPDX-License-Identifier: GPL-3.0-or-later
// Where and when this is.

internal import TaskFramework

/// This machine's name.
package func hostName() -> String { ProcessResourceMeter().nodeName }

/// Now, as ISO 8601 in UTC.
package func utcNow() -> String { ProcessResourceMeter().usage().utc }
