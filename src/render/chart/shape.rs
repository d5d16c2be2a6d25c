//! The shapes that can be drawn: plain values.

use serde::{Deserialize, Serialize};

/// What one picture shows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Page {
    /// The headline.
    pub title: String,
    /// The line under it: of when it is, of what it is.
    pub subtitle: String,
    /// One below the other.
    pub panels: Vec<Panel>,
}

/// One chart with its heading.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Panel {
    /// What it is about.
    pub title: String,
    /// The marks.
    pub chart: Chart,
    /// A sentence in small letters under it.
    #[serde(default)]
    pub note: Option<String>,
}

/// What a panel draws.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chart {
    /// How many come how far, with the part that goes on from step to step.
    Funnel(Vec<Step>),
    /// Horizontal bars.
    Bars {
        /// What the values are.
        #[serde(default)]
        unit: Unit,
        /// From the top.
        rows: Vec<Bar>,
    },
    /// Horizontal bars of parts, for ages and the like.
    Stacked {
        /// What the parts are, from the left.
        legend: Vec<String>,
        /// From the top.
        rows: Vec<Stack>,
    },
    /// One figure, and between what it probably lies.
    Figure(Estimate),
}

/// What values are, which says how they are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Things.
    #[default]
    Count,
    /// Dong: `1,2 tỷ`.
    Money,
    /// Days.
    Days,
    /// Hundredths: 37.5 is `37,5%`.
    Percent,
}

/// One step of a funnel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Step {
    /// Its name.
    pub label: String,
    /// How many came so far.
    pub count: f64,
    /// The percentage of the step before that came here; without one it is reckoned from the counts.
    pub rate: Option<f64>,
}

/// One bar.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bar {
    /// Of whom or what.
    pub label: String,
    /// How long.
    pub value: f64,
    /// A mark to reach.
    pub target: Option<f64>,
    /// A word behind the value.
    pub note: Option<String>,
    /// Drawn so that it is seen first.
    pub highlighted: bool,
}

/// One bar of parts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stack {
    /// Of whom or what.
    pub label: String,
    /// As many as the legend has; what is missing is nothing.
    pub parts: Vec<f64>,
}

/// A figure that is not known exactly.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Estimate {
    /// What it is.
    pub unit: Unit,
    /// The figure.
    pub value: f64,
    /// From where to where it probably lies.
    pub interval: Option<(f64, f64)>,
}
