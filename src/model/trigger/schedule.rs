//! The `schedule` trigger as its author writes it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Starts runs at times, without any request.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleTrigger {
    /// When: five fields (minute, hour, day of month, month, day of week), six with the second before them,
    /// `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`, or `@every 15m`.
    pub cron: String,
    /// The IANA time zone whose clocks `cron` speaks of, such as `Europe/Berlin`.
    #[serde(default = "utc")]
    pub timezone: String,
    /// What becomes of the times at which the server did not run.
    #[serde(default)]
    pub missed: Missed,
    /// What runs see as `$context.data`.
    #[serde(default)]
    pub input: Value,
}

/// What becomes of times that are over by more than a minute when the server comes to them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// Nothing.
    Skip,
    /// One run for all of them together.
    #[default]
    RunOnce,
    /// A run each, for the last 100 of them.
    RunAll,
}

fn utc() -> String {
    "UTC".to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_left_out_has_its_default() {
        let trigger: ScheduleTrigger = serde_json::from_value(json!({"cron": "@daily"})).unwrap();
        let expected = ScheduleTrigger {
            cron: "@daily".to_owned(),
            timezone: utc(),
            missed: Missed::RunOnce,
            input: json!(null),
        };
        assert_eq!(trigger, expected);
        for (name, missed) in
            [("skip", Missed::Skip), ("run_once", Missed::RunOnce), ("run_all", Missed::RunAll)]
        {
            let trigger =
                json!({"cron": "@daily", "timezone": "Asia/Shanghai", "missed": name, "input": [1]});
            assert_eq!(serde_json::from_value::<ScheduleTrigger>(trigger).unwrap().missed, missed);
        }
        assert!(serde_json::from_value::<ScheduleTrigger>(json!({"cron": "@daily", "zone": "UTC"})).is_err());
    }
}
