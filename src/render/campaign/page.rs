//! A mail as a page that opens by itself: what managers look at before they approve a campaign.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::render::engine::escape_html;
use crate::render::files;

/// Pictures within a page have so many bytes at most together; it is opened on telephones.
const MOST_PICTURES: usize = 8 * 1024 * 1024;

/// Nothing is fetched, nothing runs: what the page shows stands in it.
const POLICY: &str = "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:\">";

/// The HTML of a mail with its pictures inside, and these lines above it (as text).
///
/// `folder` is that of the attachments; pictures that stand on the web are not shown.
pub fn mail_page(html: &str, lines: &[String], folder: &Path) -> String {
    let mut page = with_pictures(html, folder);
    let viewport = match page.contains("name=\"viewport\"") {
        true => "",
        false => "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
    };
    let head = format!("<meta charset=\"utf-8\">{POLICY}{viewport}");
    match behind_tag(&page, "<head") {
        Some(place) => page.insert_str(place, &head),
        None => page.insert_str(0, &format!("<!doctype html>{head}")),
    }
    let lines: Vec<String> = lines.iter().map(|line| escape_html(line)).collect();
    let banner = format!(
        "<div style=\"font:14px/1.5 system-ui,sans-serif;padding:10px 14px;background:#fff7d6;color:#3d3212;border-bottom:1px solid #e2d491\">{}</div>",
        lines.join("<br>")
    );
    match behind_tag(&page, "<body") {
        Some(place) => page.insert_str(place, &banner),
        None => page.push_str(&banner),
    }
    page
}

/// Behind the first tag that begins so; letter case does not matter.
fn behind_tag(html: &str, tag: &str) -> Option<usize> {
    let lower = html.to_ascii_lowercase();
    let ends = |at: &usize| {
        let next = lower[at + tag.len()..].chars().next();
        next.is_some_and(|next| next == '>' || next.is_whitespace())
    };
    let at = lower
        .match_indices(tag)
        .map(|(at, _)| at)
        .find(|at| ends(at))?;
    Some(at + lower[at..].find('>')? + 1)
}

fn with_pictures(html: &str, folder: &Path) -> String {
    let mut pictures = files::pictures(html);
    // The longest first: one may be the beginning of another.
    pictures.sort_by_key(|(written, _)| std::cmp::Reverse(written.len()));
    let mut html = html.to_owned();
    let mut bytes = 0;
    for (written, name) in pictures {
        let Ok(file) = files::read(folder, &name) else {
            continue;
        };
        bytes += file.content.len();
        if bytes > MOST_PICTURES {
            break;
        }
        let data = format!(
            "data:{};base64,{}",
            file.media_type,
            STANDARD.encode(&file.content)
        );
        html = html.replace(&format!("cid:{written}"), &data);
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_opens_by_itself_with_its_pictures_and_fetches_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("nha.png"), b"PNG").unwrap();
        let html = "<!doctype html><html><HEAD lang=\"vi\"><title>x</title></HEAD><body style=\"a\"><header>Á</header><img src=\"cid:nha.png\" alt=\"Nhà\"><img src=\"https://x.example/p.gif\"></body></html>";
        let lines = ["Tới: <An>".to_owned(), "Tiêu đề: A".to_owned()];
        let page = mail_page(html, &lines, folder.path());
        assert!(
            page.contains("src=\"data:image/png;base64,UE5H\""),
            "{page}"
        );
        assert!(
            page.contains("<HEAD lang=\"vi\"><meta charset=\"utf-8\"><meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:;"),
            "{page}"
        );
        assert!(page.contains("name=\"viewport\""), "{page}");
        let body = page.split_once("<body style=\"a\">").unwrap().1;
        assert!(
            body.starts_with("<div style=")
                && body.contains("Tới: &lt;An&gt;<br>Tiêu đề: A</div><header>")
        );
    }

    #[test]
    fn what_is_no_whole_page_becomes_one() {
        let page = mail_page("<p>Chào</p>", &["A".to_owned()], Path::new("."));
        assert!(
            page.starts_with("<!doctype html><meta charset=\"utf-8\">"),
            "{page}"
        );
        assert!(page.contains("<p>Chào</p><div"), "{page}");
    }
}
