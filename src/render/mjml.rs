//! Templates written in MJML: turned into HTML once, when they are read, with minijinja's tags inside.
//!
//! MJML is for the layout of a mail, minijinja for its values: each mail is then rendered from the HTML.
//! mrml passes over what it does not know without a word, and a `<` inside of a tag of minijinja breaks
//! its parse, so both are looked for before.

use super::RenderError;
use super::engine::line_of;

/// Every element of MJML that is understood.
const TAGS: [&str; 32] = [
    "mjml",
    "mj-accordion",
    "mj-accordion-element",
    "mj-accordion-text",
    "mj-accordion-title",
    "mj-all",
    "mj-attributes",
    "mj-body",
    "mj-breakpoint",
    "mj-button",
    "mj-carousel",
    "mj-carousel-image",
    "mj-class",
    "mj-column",
    "mj-divider",
    "mj-font",
    "mj-group",
    "mj-head",
    "mj-hero",
    "mj-image",
    "mj-navbar",
    "mj-navbar-link",
    "mj-preview",
    "mj-raw",
    "mj-section",
    "mj-social",
    "mj-social-element",
    "mj-spacer",
    "mj-style",
    "mj-table",
    "mj-text",
    "mj-title",
];

/// Also understood, listed apart because arrays have one length.
const WRAPPER: &str = "mj-wrapper";

/// Turns the source of `file` into HTML.
///
/// # Errors
/// Every mistake that is found, with its line.
pub(super) fn to_html(file: &str, source: &str) -> Result<String, Vec<RenderError>> {
    let problems = lint(file, source);
    if !problems.is_empty() {
        return Err(problems);
    }
    let one = |what: String| vec![RenderError::new(file, None, what)];
    // A malformed file must not end the daemon, whatever the parser makes of it.
    let rendered = std::panic::catch_unwind(|| {
        let parsed = mrml::parse(source).map_err(|error| error.to_string())?;
        let options = mrml::prelude::render::RenderOptions {
            disable_comments: true,
            // Fonts would be fetched from elsewhere when the mail is opened.
            fonts: std::collections::HashMap::new(),
            ..Default::default()
        };
        parsed
            .element
            .render(&options)
            .map_err(|error| error.to_string())
    });
    match rendered {
        Ok(Ok(html)) => Ok(html),
        Ok(Err(why)) => Err(one(format!(
            "the MJML cannot be read: {why}; put {{% if %}} and other tags between elements into <mj-raw>…</mj-raw>"
        ))),
        Err(_) => Err(one("the MJML breaks its parser; simplify it".to_owned())),
    }
}

fn lint(file: &str, source: &str) -> Vec<RenderError> {
    let mut problems = Vec::new();
    let wrong = |at: usize, what: String| {
        let line = source[..at].matches('\n').count() + 1;
        RenderError::new(file, Some(line), what)
    };
    for (open, close) in [("{{", "}}"), ("{%", "%}")] {
        for (at, _) in source.match_indices(open) {
            let inside = &source[at..];
            let end = inside.find(close).unwrap_or(inside.len());
            if inside[..end].contains('<') {
                problems.push(wrong(
                    at,
                    "`<` inside of a tag breaks MJML; write `is lt`, or turn the comparison round"
                        .to_owned(),
                ));
            }
        }
    }
    for (at, _) in source.match_indices('<') {
        let name: String = source[at + 1..]
            .trim_start_matches('/')
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '-')
            .collect();
        let name = name.to_ascii_lowercase();
        if name == "mj-include" {
            problems.push(wrong(
                at,
                "mj-include is not supported; write the part into this file, or include HTML with minijinja in <mj-raw>".to_owned(),
            ));
        } else if name == "script" {
            problems.push(wrong(at, "a mail has no scripts; remove it".to_owned()));
        } else if name.starts_with("mj") && !TAGS.contains(&name.as_str()) && name != WRAPPER {
            problems.push(wrong(at, format!("<{name}> is no element of MJML")));
        }
    }
    if line_of(source, "mj-body").is_none() {
        problems.push(RenderError::new(
            file,
            None,
            "there is no <mj-body>; the mail would be empty".to_owned(),
        ));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(source: &str) -> Vec<String> {
        match to_html("mo-ban/body.mjml", source) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn tags_go_through_untouched() {
        let html = to_html(
            "x/body.mjml",
            r##"<mjml><mj-body><mj-section><mj-column>
<mj-raw>{% if area %}</mj-raw>
<mj-text>Kính chào {{ greeting }}, {{ budget | money }}</mj-text>
<mj-raw>{% endif %}</mj-raw>
<mj-button href="{{ optout.url }}">Xem</mj-button>
</mj-column></mj-section></mj-body></mjml>"##,
        )
        .unwrap();
        for tag in [
            "{% if area %}",
            "Kính chào {{ greeting }}, {{ budget | money }}",
            "{% endif %}",
            "href=\"{{ optout.url }}\"",
        ] {
            assert!(html.contains(tag), "{tag}: {html}");
        }
        assert!(
            html.contains("<!doctype html>") && !html.contains("fonts.googleapis"),
            "{html}"
        );
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        assert_eq!(
            told("<mjml><mj-body>\n<mj-sektion></mj-sektion>\n</mj-body></mjml>"),
            [
                "template mo-ban/body.mjml, line 2: <mj-sektion> is no element of MJML",
                "template mo-ban/body.mjml, line 2: <mj-sektion> is no element of MJML"
            ]
        );
        assert_eq!(
            told("<mjml><mj-body><mj-raw>\n{% if a < b %}x{% endif %}</mj-raw></mj-body></mjml>"),
            [
                "template mo-ban/body.mjml, line 2: `<` inside of a tag breaks MJML; write `is lt`, or turn the comparison round"
            ]
        );
        assert_eq!(
            told("<mjml></mjml>"),
            ["template mo-ban/body.mjml: there is no <mj-body>; the mail would be empty"]
        );
        assert!(
            told("<mjml><mj-body><mj-include path=\"x\" /></mj-body></mjml>")[0]
                .contains("mj-include is not supported")
        );
        assert!(
            told("<mjml><mj-body><mj-raw><script>x</script></mj-raw></mj-body></mjml>")[0]
                .contains("no scripts")
        );
        assert!(
            told("<mjml><mj-body><mj-section></mj-body></mjml>")[0]
                .contains("the MJML cannot be read")
        );
    }
}
