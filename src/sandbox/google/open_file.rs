//! Workbooks from a visitor's own files: Excel (and OpenDocument) through calamine, and CSV.

use std::path::Path;
use std::sync::Arc;

use calamine::{Data, Reader, SheetType, SheetVisible};

use super::cell::{Cell, CellValue};
use super::entry::{enter, is_error, serial};
use super::format::{FormatKind, Locale, kind_of};
use super::open::OpenError;
use super::workbook::{NEW_TAB_ROWS, Tab, Workbook};

/// The days between Excel's 1904 epoch and the usual one.
const EPOCH_1904_DAYS: f64 = 1462.0;

impl Workbook {
    /// Opens a visitor's file by its ending: `.xlsx`, `.xlsm`, `.xlsb`, `.xls`, `.ods`, `.csv`,
    /// `.tsv`, `.txt`, or `.json` in the sample files' form.
    ///
    /// # Errors
    /// See [`OpenError`]; the text names the file and the mend.
    pub fn open(path: &Path) -> Result<Workbook, OpenError> {
        let ending = path
            .extension()
            .map(|ending| ending.to_string_lossy().to_lowercase())
            .unwrap_or_default();
        match ending.as_str() {
            "xlsx" | "xlsm" | "xlsb" | "xls" | "ods" => Workbook::from_xlsx(path),
            "csv" | "tsv" | "txt" => Workbook::from_csv(path),
            "json" => {
                let text =
                    std::fs::read_to_string(path).map_err(|source| unreadable(path, source))?;
                Workbook::from_json(&text).map_err(|error| no_workbook(path, error.to_string()))
            }
            _ => Err(no_workbook(
                path,
                "is neither .xlsx nor .csv; save the sheet as one of these",
            )),
        }
    }

    /// Opens an Excel workbook: tabs in order, dates as serial numbers with their format, formulas
    /// with the value Excel stored last, errors as error cells.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn from_xlsx(path: &Path) -> Result<Workbook, OpenError> {
        // Apart from the parser, so that a missing file is told as such.
        std::fs::File::open(path).map_err(|source| unreadable(path, source))?;
        let bad = |why: &str| {
            no_workbook(
                path,
                format!(
                    "is not a readable Excel workbook ({why}); open it in Excel or Google Sheets, remove any password, and save it as .xlsx"
                ),
            )
        };
        let mut file =
            calamine::open_workbook_auto(path).map_err(|error| bad(&error.to_string()))?;
        let mut workbook = from_file(path);
        let locale = workbook.locale_marks();
        for sheet in file.sheets_metadata().to_vec() {
            if sheet.typ != SheetType::WorkSheet {
                continue;
            }
            let values = file
                .worksheet_range(&sheet.name)
                .map_err(|error| bad(&error.to_string()))?;
            // Formulas and formats are extras: without them the values still stand.
            let formulas = file.worksheet_formula(&sheet.name).unwrap_or_default();
            let styles = file.worksheet_style(&sheet.name).ok();
            let tab = workbook.add_tab(&sheet.name);
            tab.hidden = sheet.visible != SheetVisible::Visible;
            let (top, left) = values.start().unwrap_or((0, 0));
            for (row, column, data) in values.used_cells() {
                let Some((absolute_row, absolute_column)) =
                    absolute(top, row).zip(absolute(left, column))
                else {
                    continue;
                };
                let place = (absolute_row, absolute_column);
                let pattern = styles
                    .as_ref()
                    .and_then(|styles| styles.get(place)?.number_format.as_ref())
                    .and_then(|format| pattern(&format.format_code, format.format_id, &locale));
                let mut cell = from_excel(data, pattern, &locale);
                cell.formula = formulas
                    .get_value(place)
                    .filter(|formula| !formula.is_empty())
                    .map(|formula| Arc::from(format!("={formula}")));
                tab.set(to_usize(absolute_row), to_usize(absolute_column), cell);
            }
            roomy(tab);
        }
        if workbook.tabs.is_empty() {
            return Err(bad("it has no worksheet"));
        }
        Ok(workbook)
    }

    /// Opens a CSV file: UTF-8 with or without a byte order mark (or UTF-16 with one), separated by
    /// commas, semicolons or tabs. One tab, named after the file. Cells are read as if typed under
    /// vi_VN, except that digits with a leading zero or plus (phones) and dates without a year
    /// (`2-3`, mostly a price range) stay text.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn from_csv(path: &Path) -> Result<Workbook, OpenError> {
        let bytes = std::fs::read(path).map_err(|source| unreadable(path, source))?;
        let text = decoded(&bytes).ok_or_else(|| {
            no_workbook(
                path,
                "is not UTF-8 text; in Excel save it as \"CSV UTF-8\", or export it from Google Sheets",
            )
        })?;
        if text.contains('\0') {
            return Err(no_workbook(
                path,
                "is no text file; save the sheet as .csv or .xlsx",
            ));
        }
        let mut workbook = from_file(path);
        let locale = workbook.locale_marks();
        let title = workbook.title.clone();
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(delimiter(&text))
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        let blank: Vec<bool> = text.lines().map(str::is_empty).collect();
        let mut rows = Vec::new();
        for record in reader.records() {
            let record = record
                .map_err(|error| no_workbook(path, format!("cannot be read as CSV: {error}")))?;
            // The reader skips blank lines, from where it stood; the sheet has them.
            if let Some(position) = record.position() {
                let line = usize::try_from(position.line()).unwrap_or(1);
                let ahead = &blank[line.saturating_sub(1).min(blank.len())..];
                let before = ahead.iter().take_while(|blank| **blank).count();
                rows.extend(std::iter::repeat_n(Vec::new(), before));
            }
            rows.push(record.iter().map(|text| from_text(text, &locale)).collect());
        }
        if rows
            .iter()
            .all(|row: &Vec<Cell>| row.iter().all(Cell::is_empty))
        {
            return Err(no_workbook(path, "is empty; export a sheet that has rows"));
        }
        let tab = workbook.add_tab(title);
        tab.replace_rows(rows);
        roomy(tab);
        Ok(workbook)
    }
}

fn unreadable(path: &Path, source: std::io::Error) -> OpenError {
    OpenError::Unreadable {
        path: path.to_owned(),
        source,
    }
}

fn no_workbook(path: &Path, why: impl Into<String>) -> OpenError {
    OpenError::NotAWorkbook {
        path: path.to_owned(),
        why: why.into(),
    }
}

/// An empty workbook named after the file.
fn from_file(path: &Path) -> Workbook {
    let stem = path.file_stem().map_or_else(
        || "Bảng tính".to_owned(),
        |stem| stem.to_string_lossy().into_owned(),
    );
    let id: String = stem
        .chars()
        .map(|mark| {
            if mark.is_ascii_alphanumeric() {
                mark
            } else {
                '_'
            }
        })
        .collect();
    Workbook::new(format!("1SandboxFile_{id:_<24}"), stem)
}

/// Room below and beside what the file holds, as a sheet has.
fn roomy(tab: &mut Tab) {
    let (rows, columns) = (tab.filled_rows() + 200, tab.filled_columns() + 4);
    tab.reach(rows.max(NEW_TAB_ROWS), columns);
}

fn absolute(start: u32, offset: usize) -> Option<u32> {
    start.checked_add(u32::try_from(offset).ok()?)
}

fn to_usize(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// An Excel format code as a Sheets pattern; `None` for the automatic one.
fn pattern(code: &str, id: Option<u32>, locale: &Locale) -> Option<String> {
    match (id, code) {
        // Excel's own "short date" follows the locale, whatever its code says.
        (Some(14), _) => Some(locale.date_format.to_owned()),
        (Some(22), _) => Some(format!("{} hh:mm", locale.date_format)),
        (_, "General" | "") => None,
        (_, code) => match kind_of(code) {
            FormatKind::Date | FormatKind::Time | FormatKind::DateTime => {
                Some(code.split(';').next().unwrap_or(code).to_owned())
            }
            _ => Some(code.to_owned()),
        },
    }
}

fn from_excel(data: &Data, pattern: Option<String>, locale: &Locale) -> Cell {
    let number = |number: f64, pattern: Option<String>| Cell::number(number, pattern.as_deref());
    match data {
        Data::Empty => Cell::default(),
        // Excel's integers are far below 2^53, where a double is exact.
        Data::Int(value) => number(value.to_string().parse().unwrap_or(0.0), pattern),
        Data::Float(value) => number(*value, pattern),
        Data::String(text) => Cell {
            format: pattern.as_deref().map(Arc::from),
            ..Cell::text(text.as_str())
        },
        Data::Bool(flag) => Cell::boolean(*flag),
        Data::DateTime(moment) => {
            let serial = moment.as_f64() + epoch_shift(moment);
            let fallback = || {
                if moment.is_duration() || serial < 1.0 {
                    "hh:mm:ss".to_owned()
                } else if serial.fract() == 0.0 {
                    locale.date_format.to_owned()
                } else {
                    format!("{} hh:mm", locale.date_format)
                }
            };
            number(serial, Some(pattern.unwrap_or_else(fallback)))
        }
        Data::DateTimeIso(text) | Data::DurationIso(text) => {
            let cell = enter(&text.replace('T', " "), None, locale, 2000);
            match cell.value {
                CellValue::Number(serial) => number(serial, Some(locale.date_format.to_owned())),
                _ => Cell::text(text.as_str()),
            }
        }
        Data::Error(error) => Cell {
            value: CellValue::Error(error.to_string()),
            ..Cell::default()
        },
    }
}

/// What to add to the serial of a workbook that counts from 1904 (old Macs). The reader keeps the
/// epoch to itself but applies it when it names the date.
fn epoch_shift(moment: &calamine::ExcelDateTime) -> f64 {
    let (year, month, day, ..) = moment.to_ymd_hms_milli();
    let date = i16::try_from(year)
        .ok()
        .zip(i8::try_from(month).ok())
        .zip(i8::try_from(day).ok())
        .and_then(|((year, month), day)| jiff::civil::Date::new(year, month, day).ok());
    match date {
        Some(date) if serial(date) - moment.as_f64().floor() > 1000.0 => EPOCH_1904_DAYS,
        _ => 0.0,
    }
}

/// The text of the file; `None` if it is neither UTF-8 nor UTF-16 with a byte order mark.
fn decoded(bytes: &[u8]) -> Option<String> {
    let wide = |rest: &[u8], from: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = rest
            .chunks_exact(2)
            .map(|pair| from([pair[0], pair[1]]))
            .collect();
        String::from_utf16(&units).ok()
    };
    match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        [0xFF, 0xFE, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => wide(rest, u16::from_be_bytes),
        plain => String::from_utf8(plain.to_vec()).ok(),
    }
}

/// The separator that the first lines have most of, outside quotes; a comma if there is none.
fn delimiter(text: &str) -> u8 {
    let mut counts = [(b'\t', 0usize), (b';', 0), (b',', 0)];
    let mut quoted = false;
    let mut lines = 0;
    for byte in text.bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => lines += 1,
            _ if !quoted => {
                for (mark, count) in &mut counts {
                    *count += usize::from(*mark == byte);
                }
            }
            _ => {}
        }
        if lines == 30 {
            break;
        }
    }
    counts
        .iter()
        .rev()
        .max_by_key(|(_, count)| *count)
        .filter(|(_, count)| *count > 0)
        .map_or(b',', |(mark, _)| *mark)
}

fn from_text(text: &str, locale: &Locale) -> Cell {
    let digits = text.trim().trim_start_matches('+');
    let phone_like = (text.trim().starts_with('+')
        || (digits.starts_with('0') && digits.len() > 1))
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = text.trim().split(['-', '/']).collect();
    let no_year = parts.len() == 2
        && parts
            .iter()
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    if is_error(text) {
        return Cell {
            value: CellValue::Error(text.to_owned()),
            ..Cell::default()
        };
    }
    // More than 15 digits do not survive in a double.
    if phone_like || no_year || digits.len() > 15 || text.starts_with('=') {
        return Cell::text(text);
    }
    enter(text, None, locale, 2000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::google::format::shown;

    fn csv(name: &str, bytes: &[u8]) -> Result<Workbook, OpenError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Workbook::open(&path)
    }

    fn shown_rows(workbook: &Workbook) -> Vec<String> {
        let tab = &workbook.tabs[0];
        (0..tab.filled_rows())
            .map(|row| {
                let cells = tab
                    .row(row)
                    .iter()
                    .map(|cell| shown(cell, &workbook.locale_marks()));
                cells.collect::<Vec<_>>().join(" | ")
            })
            .collect()
    }

    #[test]
    fn csv_of_every_separator_and_byte_order_mark() {
        for (mark, bom) in [(",", ""), (";", "\u{FEFF}"), ("\t", "")] {
            let text = "Họ tên,SĐT,Ngày,Ngân sách\nAn,0901234567,21/11/2026,2-3\n\nBình,+84901234567,,\"3\"\n"
                .replace(',', mark);
            let workbook = csv("Khách hàng.csv", format!("{bom}{text}").as_bytes()).unwrap();
            assert_eq!(workbook.tabs[0].title, "Khách hàng");
            assert_eq!(
                shown_rows(&workbook),
                [
                    "Họ tên | SĐT | Ngày | Ngân sách",
                    "An | 0901234567 | 21/11/2026 | 2-3",
                    "",
                    "Bình | +84901234567 |  | 3"
                ]
            );
            assert_eq!(
                workbook.tabs[0].cell(1, 1).value,
                CellValue::Text("0901234567".to_owned())
            );
            assert_eq!(
                workbook.tabs[0].cell(1, 2).value,
                CellValue::Number(46347.0)
            );
        }
        let wide: Vec<u8> = "\u{FEFF}Họ tên\tSĐT\nÂn\t1\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(
            shown_rows(&csv("x.csv", &wide).unwrap()),
            ["Họ tên | SĐT", "Ân | 1"]
        );
    }

    #[test]
    fn an_unreadable_file_says_what_is_wrong_and_the_mend() {
        let text = |name: &str, bytes: &[u8]| csv(name, bytes).unwrap_err().to_string();
        assert!(text("a.csv", &[b'a', 0xC3, b',', 0x28]).ends_with("a.csv: is not UTF-8 text; in Excel save it as \"CSV UTF-8\", or export it from Google Sheets"));
        assert!(text("a.csv", b"").contains("is empty"));
        assert!(text("a.xlsx", b"hello").contains("is not a readable Excel workbook"));
        assert!(text("a.pdf", b"hello").contains("is neither .xlsx nor .csv"));
        assert!(text("a.json", b"{}").contains("\"spreadsheetId\" is missing"));
        let missing = Workbook::open(Path::new("/nonexistent/a.xlsx"))
            .unwrap_err()
            .to_string();
        assert!(missing.contains("check the path"), "{missing}");
    }
}
