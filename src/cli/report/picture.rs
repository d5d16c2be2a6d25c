//! The figures of a period as a picture, by the template `report.chart.txt`.

use std::path::Path;

use serde_json::json;

use crate::cli::Call;
use crate::cli::failure::{Failure, Kind};
use crate::cli::site::Site;
use crate::core::insight::Insight;
use crate::render::{Templates, chart};

/// Draws the figures into a file.
///
/// # Errors
/// The configuration, a template of the company's own that says something else, a file that cannot be written.
pub(super) fn draw(call: &Call, insight: &Insight, file: &Path) -> Result<(), Failure> {
    let site = Site::load(call)?;
    let templates = Templates::load(Some(&site.config.templates_dir), site.language())?;
    let page = templates
        .render_chart("report", None, &json!({ "insight": insight }))
        .map_err(|error| Failure::new(Kind::Config, error.to_string()))?;
    let page = page.ok_or_else(|| {
        Failure::new(Kind::No, "the template report.chart.txt describes no panel")
            .help("templates/README.md says how one is written")
    })?;
    let bytes = tokio::task::block_in_place(|| chart::png(&page, templates.language()))
        .map_err(|error| Failure::new(Kind::Broken, error.to_string()))?;
    std::fs::write(file, &bytes)
        .map_err(|error| Failure::file(format!("{} cannot be written", file.display()), &error))?;
    let size = bytes.len().div_ceil(1000);
    call.out
        .tell(format!("{} written, {size} kB", file.display()));
    Ok(())
}
