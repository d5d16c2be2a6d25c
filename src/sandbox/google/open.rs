//! Workbooks from JSON files, and back.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::cell::Cell;
use super::workbook::{Role, Tab, Workbook};

/// Why a file is no workbook. The text names the file, what is wrong, and the mend.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be read at all.
    #[error("{}: {source}; check the path and that you may read it", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The content is not what the name promises.
    #[error("{}: {why}", path.display())]
    NotAWorkbook {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        why: String,
    },
    /// The JSON text is no workbook.
    #[error("not a workbook: {0}")]
    BadJson(String),
}

impl Workbook {
    /// Reads the sample files' form: `spreadsheetId`, `title`, `locale`, `timeZone`, `share` and
    /// `sheets`, each with `title`, `sheetId`, `rows` of cells, and optionally `rowCount`,
    /// `columnCount`, `frozenRows`, `hidden`.
    ///
    /// # Errors
    /// [`OpenError::BadJson`], naming the tab, row and cell if it is one.
    pub fn from_json(text: &str) -> Result<Workbook, OpenError> {
        let json: Value = serde_json::from_str(text)
            .map_err(|error| OpenError::BadJson(format!("it is no JSON ({error})")))?;
        let id = json["spreadsheetId"]
            .as_str()
            .ok_or_else(|| OpenError::BadJson("\"spreadsheetId\" is missing".to_owned()))?;
        let mut workbook = Workbook::new(id, json["title"].as_str().unwrap_or(id));
        if let Some(locale) = json["locale"].as_str() {
            locale.clone_into(&mut workbook.locale);
        }
        if let Some(zone) = json["timeZone"].as_str() {
            zone.clone_into(&mut workbook.time_zone);
        }
        if let Some(share) = json["share"].as_object() {
            workbook.share = share
                .iter()
                .map(|(email, role)| {
                    let role: Role = serde_json::from_value(role.clone()).map_err(|_| {
                        OpenError::BadJson(format!(
                            "\"share\" gives {email:?} the role {role}; there are reader, writer and owner"
                        ))
                    })?;
                    Ok((email.clone(), role))
                })
                .collect::<Result<_, OpenError>>()?;
        }
        let sheets = json["sheets"]
            .as_array()
            .ok_or_else(|| OpenError::BadJson("\"sheets\" is missing".to_owned()))?;
        for sheet in sheets {
            let tab = tab_from_json(sheet, workbook.free_sheet_id())?;
            if workbook.tab(&tab.title).is_some() {
                return Err(OpenError::BadJson(format!(
                    "two tabs are called {:?}",
                    tab.title
                )));
            }
            workbook.tabs.push(tab);
        }
        Ok(workbook)
    }

    /// The form [`Workbook::from_json`] reads.
    pub fn to_json(&self) -> String {
        let tabs: Vec<Value> = self.tabs.iter().map(Tab::to_json).collect();
        json!({
            "spreadsheetId": self.id,
            "title": self.title,
            "locale": self.locale,
            "timeZone": self.time_zone,
            "share": self.share,
            "sheets": tabs,
        })
        .to_string()
    }
}

fn tab_from_json(sheet: &Value, free_id: i64) -> Result<Tab, OpenError> {
    let title = sheet["title"]
        .as_str()
        .ok_or_else(|| OpenError::BadJson("a sheet has no \"title\"".to_owned()))?;
    let mut tab = Tab::new(sheet["sheetId"].as_i64().unwrap_or(free_id), title);
    let empty = Vec::new();
    let mut rows = Vec::new();
    for (at, row) in sheet["rows"]
        .as_array()
        .unwrap_or(&empty)
        .iter()
        .enumerate()
    {
        let cells = row
            .as_array()
            .ok_or_else(|| OpenError::BadJson(format!("row {} of {title:?} is no list", at + 1)))?;
        let cells = cells
            .iter()
            .enumerate()
            .map(|(column, cell)| {
                Cell::from_json(cell).map_err(|why| {
                    let name = super::a1::cell_name(at, column);
                    OpenError::BadJson(format!("cell {name} of {title:?}: {why}"))
                })
            })
            .collect::<Result<Vec<Cell>, OpenError>>()?;
        rows.push(cells);
    }
    let size = |name: &str| sheet[name].as_u64().and_then(|n| usize::try_from(n).ok());
    tab.row_count = size("rowCount").unwrap_or(tab.row_count).max(1);
    tab.column_count = size("columnCount").unwrap_or(tab.column_count).max(1);
    tab.frozen_rows = size("frozenRows").unwrap_or(0);
    tab.hidden = sheet["hidden"] == json!(true);
    tab.replace_rows(rows);
    Ok(tab)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Workbook::from_json(text).unwrap_err().to_string()
    }

    #[test]
    fn a_bad_file_is_told_where_it_is_bad() {
        assert_eq!(
            refused("{}"),
            "not a workbook: \"spreadsheetId\" is missing"
        );
        assert!(refused("[").starts_with("not a workbook: it is no JSON"));
        assert_eq!(
            refused(r#"{"spreadsheetId":"1","sheets":[{"title":"A","rows":[[1],[2,{"x":1}]]}]}"#),
            "not a workbook: cell B2 of \"A\": a cell has v, e, nf, f and note, but this one has \"x\""
        );
        assert!(
            refused(r#"{"spreadsheetId":"1","share":{"*":"boss"},"sheets":[]}"#)
                .contains("reader, writer and owner")
        );
        assert!(
            refused(r#"{"spreadsheetId":"1","sheets":[{"title":"A"},{"title":"A"}]}"#)
                .contains("two tabs")
        );
    }
}
