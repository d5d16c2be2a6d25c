//! The figures as a tidy long table: one line a figure, which pandas and spreadsheets turn as they like.

use serde_json::{Map, Value};

use crate::core::insight::Insight;

/// Lists of figures, and the member that says of what each is.
const LISTS: [(&str, &str); 3] = [
    ("pipeline", "stage"),
    ("owners", "owner"),
    ("sources", "source"),
];

/// `section, key, measure, value, unit` of every figure. Everything that has no figure (a median that nobody
/// can know yet) has an empty value, so that each key has the same measures.
pub(super) fn lines(insight: &Insight) -> Vec<[String; 5]> {
    let all = serde_json::to_value(insight).unwrap_or_default();
    let mut lines = Vec::new();
    let totals: Map<String, Value> = all
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| value.is_number())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    put(&mut lines, "totals", "all", &Value::Object(totals));
    for (section, key) in LISTS {
        put_list(&mut lines, section, key, &all[section]);
    }
    put(&mut lines, "speed", "all", &all["speed"]);
    put(&mut lines, "forecast", "all", &all["forecast"]);
    put_list(&mut lines, "forecast", "stage", &all["forecast"]["stages"]);
    put(&mut lines, "engagement", "all", &all["engagement"]);
    put(&mut lines, "quality", "all", &all["quality"]);
    lines
}

fn put_list(lines: &mut Vec<[String; 5]>, section: &str, key: &str, list: &Value) {
    for figures in list.as_array().into_iter().flatten() {
        put(
            lines,
            section,
            figures[key].as_str().unwrap_or("(none)"),
            figures,
        );
    }
}

fn put(lines: &mut Vec<[String; 5]>, section: &str, key: &str, figures: &Value) {
    for (measure, value) in figures.as_object().into_iter().flatten() {
        match value {
            Value::Number(_) | Value::Bool(_) => {
                let number = match value {
                    Value::Bool(yes) => i32::from(*yes).to_string(),
                    number => number.to_string(),
                };
                lines.push(line(section, key, measure, number));
            }
            Value::Null if !matches!(&**measure, "owner" | "source" | "watched_since") => {
                lines.push(line(section, key, measure, String::new()));
            }
            Value::Object(target) if measure == "target" => {
                for (what, value) in target {
                    let value = value.as_f64().map(|value| value.to_string());
                    let measure = format!("target_{what}");
                    lines.push(line(section, key, &measure, value.unwrap_or_default()));
                }
            }
            Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => {}
        }
    }
}

fn line(section: &str, key: &str, measure: &str, value: String) -> [String; 5] {
    [
        section.into(),
        key.into(),
        measure.into(),
        value,
        unit(section, measure).into(),
    ]
}

/// What a figure counts.
fn unit(section: &str, measure: &str) -> &'static str {
    match measure {
        "budget" | "expected" | "low" | "high" | "cost" | "cost_per_lead" | "cost_per_deposit" => {
            "VND"
        }
        "median_minutes" => "minutes",
        "conversion" | "loss" | "chance" => "share",
        "alpha" | "beta" => "deals",
        "small_history" => "yes_no",
        _ if measure.ends_with("_days") || measure == "median_days_ever" => "days",
        _ if measure.starts_with("within_") => "share",
        _ if section == "forecast" => "deals",
        _ => "count",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::insight::{OwnerFigures, StageFigures};

    #[test]
    fn a_line_a_figure() {
        let insight = Insight {
            new: 3,
            pipeline: vec![StageFigures {
                stage: "consulting".into(),
                median_days: Some(4.5),
                ..StageFigures::default()
            }],
            owners: vec![OwnerFigures::default()],
            ..Insight::default()
        };
        let lines: Vec<String> = lines(&insight).iter().map(|line| line.join(",")).collect();
        for expected in [
            "totals,all,new,3,count",
            "pipeline,consulting,median_days,4.5,days",
            "pipeline,consulting,median_days_ever,,days",
            "pipeline,consulting,budget,0,VND",
            "owners,(none),customers,0,count",
            "owners,(none),target_deposits,,count",
            "speed,all,within_1_hour,,share",
            "forecast,all,small_history,0,yes_no",
            "forecast,all,deals,0.0,deals",
            "quality,all,no_contact,0,count",
        ] {
            assert!(
                lines.contains(&expected.to_owned()),
                "{expected}: {lines:#?}"
            );
        }
        assert!(!lines.iter().any(|line| line.contains("label")));
    }
}
