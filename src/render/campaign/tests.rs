//! Texts as staff write them, and the mails that they become.

use serde_json::json;

use super::*;
use crate::core::campaign::Variant;
use crate::core::campaign::testing::fields;

fn templates() -> Templates {
    Templates::load(None, Language::Vietnamese).unwrap()
}

fn variant(subject: &str, text: &str) -> Variant {
    Variant {
        number: 1,
        group: None,
        called: None,
        subject: subject.to_owned(),
        body: Body::Cell(text.to_owned()),
        attachment: None,
    }
}

fn compiled(subject: &str, text: &str) -> CampaignText {
    templates()
        .campaign_text(&variant(subject, text), &Names::new(&fields()))
        .unwrap()
}

fn facts() -> Value {
    json!({
        "name": {"full": "Nguyễn Văn An", "given": "An", "title": "Anh"},
        "greeting": "Anh An",
        "pronoun": "anh",
        "email": "an@example.com",
        "budget": {"min": 3_000_000_000_i64, "max": 5_000_000_000_i64, "text": null},
        "area": "Quận 7 & <Nhà Bè>",
        "note": null,
        "received": "2026-11-03",
        "deposit_at": "2026-11-25T09:05:00",
        "stage": "consulting",
        "stage_label": "Đang tư vấn",
        "owner": "Lan Anh",
        "owner_email": "lan.anh@queenland.example",
        "no_ads": false,
    })
}

fn letter() -> Letter {
    Letter {
        company: json!({"name": "Queenland", "phone": "028 3822 9999", "address": null, "email": null, "website": null}),
        optout: json!({"url": "https://crm.example/u/abc", "email": "lienhe@queenland.example", "phone": null}),
        today: "2026-12-15".to_owned(),
        now: "2026-12-15T09:00:00".to_owned(),
    }
}

fn mail(subject: &str, text: &str) -> MailText {
    let text = compiled(subject, text);
    text.render(&text.merge(&facts()).unwrap(), &letter())
        .unwrap()
}

/// The text without the footer, and the inside of the card.
fn parts(text: &str) -> (String, String) {
    let mail = mail("x", text);
    let plain = mail
        .text
        .split("\n--\n")
        .next()
        .unwrap_or_default()
        .trim()
        .to_owned();
    let from = mail.html.find("color:#2b3330\">").map_or(0, |at| at + 15);
    let end = mail.html[from..]
        .find("</td>")
        .map_or(mail.html.len(), |at| from + at);
    // The styles are the layout's business.
    let mut html = String::new();
    let mut rest = mail.html[from..end].trim();
    while let Some(at) = rest.find(" style=\"") {
        html.push_str(&rest[..at]);
        let inside = &rest[at + 8..];
        rest = &inside[inside.find('"').map_or(inside.len(), |at| at + 1)..];
    }
    html.push_str(rest);
    (plain, html)
}

#[test]
fn values_stand_as_people_write_them() {
    for (text, shown) in [
        ("{{Họ tên}}", "Anh Nguyễn Văn An"),
        ("{{ name }}", "Nguyễn Văn An"),
        ("{{ name.given }}", "An"),
        ("{{ greeting }}, {{pronoun}}", "Anh An, anh"),
        ("{{Ngân sách}}", "3–5 tỷ"),
        ("{{Khu vực}}", "Quận 7 & <Nhà Bè>"),
        ("{{Ngày tiếp nhận}}", "03/11/2026"),
        ("{{Ngày cọc}}", "25/11/2026 9:05"),
        ("{{Giai đoạn}}", "Đang tư vấn"),
        (
            "{{NV phụ trách}} {{owner.email}}",
            "Lan Anh lan.anh@queenland.example",
        ),
        ("{{Không nhận tin}}", "Không"),
        ("{{Ghi chú|chưa có}}", "chưa có"),
        ("x{{Ghi chú|}}y", "xy"),
        ("{{today}} {{company.phone}}", "15/12/2026 028 3822 9999"),
        ("{{unsubscribe_url}}", "https://crm.example/u/abc"),
        ("{{company.website|queenland.example}}", "queenland.example"),
    ] {
        assert_eq!(parts(text).0, shown, "{text}");
    }
}

#[test]
fn markdown_becomes_html_and_readable_text() {
    for (text, plain, html) in [
        (
            "Kính chào **{{greeting}}**,\nhẹn *gặp*",
            "Kính chào Anh An,\nhẹn gặp",
            "<p>Kính chào <strong>Anh An</strong>,<br>\nhẹn <em>gặp</em></p>",
        ),
        (
            "Giá:\n- 3 tỷ\n- 5 tỷ\n\nHết",
            "Giá:\n\n- 3 tỷ\n- 5 tỷ\n\nHết",
            "<p>Giá:</p>\n<ul>\n<li>3 tỷ</li>\n<li>5 tỷ</li>\n</ul>\n<p>Hết</p>",
        ),
        (
            "1. Một\n2. Hai",
            "1. Một\n2. Hai",
            "<ol>\n<li>Một</li>\n<li>Hai</li>\n</ol>",
        ),
        (
            "# Mở bán\nNgay",
            "Mở bán\n\nNgay",
            "<h1 class=\"heading\">Mở bán</h1>\n<p>Ngay</p>",
        ),
        (
            "[Xem giá](https://x.example/a?b=1&c=2)",
            "Xem giá (https://x.example/a?b=1&c=2)",
            "<p><a href=\"https://x.example/a?b=1&amp;c=2\">Xem giá</a></p>",
        ),
        (
            "Xem https://x.example/a_b_c.",
            "Xem https://x.example/a_b_c.",
            "<p>Xem <a href=\"https://x.example/a_b_c\">https://x.example/a_b_c</a>.</p>",
        ),
        (
            "[{{Họ tên}}](https://x.example/?ten={{Khu vực}})",
            "Anh Nguyễn Văn An (https://x.example/?ten=Qu%E1%BA%ADn%207%20%26%20%3CNh%C3%A0%20B%C3%A8%3E)",
            "<p><a href=\"https://x.example/?ten=Qu%E1%BA%ADn%207%20%26%20%3CNh%C3%A0%20B%C3%A8%3E\">Anh Nguyễn Văn An</a></p>",
        ),
        (
            "[Từ chối]({{unsubscribe_url}})",
            "Từ chối (https://crm.example/u/abc)",
            "<p><a href=\"https://crm.example/u/abc\">Từ chối</a></p>",
        ),
        (
            "![Nhà mẫu](https://x.example/a.jpg)",
            "[Nhà mẫu]",
            "<p><img src=\"https://x.example/a.jpg\" alt=\"Nhà mẫu\"></p>",
        ),
        (
            "> Lời hay\n> ý đẹp",
            "> Lời hay\n> ý đẹp",
            "<blockquote class=\"line\"><p>Lời hay<br>\ný đẹp</p>\n</blockquote>",
        ),
    ] {
        let (shown, inside) = parts(text);
        assert_eq!(shown, plain, "{text}");
        assert_eq!(inside, html, "{text}");
    }
}

#[test]
fn what_people_type_without_meaning_markdown_stays() {
    for (text, plain) in [
        // A row of dashes makes no heading of the line above it.
        (
            "Trân trọng\n---\nLan Anh",
            "Trân trọng\n\n----------\n\nLan Anh",
        ),
        ("Trân trọng\n===\nLan Anh", "Trân trọng\n\n===\nLan Anh"),
        // Indented text is no code.
        (
            "Kính gửi,\n\n      Chúng tôi xin",
            "Kính gửi,\n\nChúng tôi xin",
        ),
        ("Giá < 3 tỷ & diện tích > 50", "Giá < 3 tỷ & diện tích > 50"),
        (
            "<b>đậm</b> <script>x</script>",
            "<b>đậm</b> <script>x</script>",
        ),
        ("a\r\nb", "a\nb"),
        ("#hashtag và 4*5*6", "#hashtag và 4*5*6"),
    ] {
        assert_eq!(parts(text).0, plain, "{text}");
    }
    let html = parts("<img src=x onerror=alert(1)> {{Khu vực}}").1;
    assert_eq!(
        html,
        "<p>&lt;img src=x onerror=alert(1)&gt; Quận 7 &amp; &lt;Nhà Bè&gt;</p>"
    );
}

#[test]
fn a_value_is_never_markup() {
    let mut facts = facts();
    facts["area"] = "**x** [y](https://z.example) <i>\nhai dòng".into();
    let text = compiled("{{Khu vực}}", "{{Khu vực}}");
    let mail = text
        .render(&text.merge(&facts).unwrap(), &letter())
        .unwrap();
    assert!(
        mail.html
            .contains("**x** [y](https://z.example) &lt;i&gt;<br>\nhai dòng")
    );
    assert!(
        mail.text
            .starts_with("**x** [y](https://z.example) <i>\nhai dòng")
    );
    assert_eq!(mail.subject, "**x** [y](https://z.example) <i> hai dòng");
}

#[test]
fn a_cell_that_is_a_link_must_hold_one() {
    let text = compiled("x", "[Xem]({{Ghi chú}})");
    let mut facts = facts();
    facts["note"] = "https://x.example/a\"b".into();
    let mail = text
        .render(&text.merge(&facts).unwrap(), &letter())
        .unwrap();
    assert!(mail.html.contains("href=\"https://x.example/a&quot;b\""));
    facts["note"] = "javascript:alert(1)".into();
    let error = text
        .render(&text.merge(&facts).unwrap(), &letter())
        .unwrap_err();
    assert!(error.what.contains("does not hold an address"), "{error}");
}

#[test]
fn links_that_lead_nowhere_are_told() {
    for (text, problem) in [
        (
            "[Xem](www.x.example)",
            "đường dẫn “www.x.example” không mở được từ thư. Hãy ghi địa chỉ đầy đủ, bắt đầu bằng https://",
        ),
        (
            "[Xem](javascript:alert(1))",
            "đường dẫn “javascript:alert(1)” không mở được từ thư. Hãy ghi địa chỉ đầy đủ, bắt đầu bằng https://",
        ),
        (
            "![x](http://x.example/a.jpg)",
            "ảnh “http://x.example/a.jpg” không hiện được trong thư. Hãy dùng địa chỉ https:// của ảnh",
        ),
    ] {
        let problems = templates()
            .campaign_text(&variant("x", text), &Names::new(&fields()))
            .unwrap_err();
        let told: Vec<String> = problems
            .iter()
            .map(|one| format!("{}. {}", one.problem.what.vi, one.problem.mend.vi))
            .collect();
        assert_eq!(told, [problem], "{text}");
        assert_eq!(problems[0].column, "text");
    }
}

#[test]
fn missing_values_are_found_before_anything_goes() {
    let text = compiled(
        "{{Ghi chú}}",
        "{{Họ tên}} {{Ghi chú}} {{Nguồn}} {{Ngân sách|x}}",
    );
    let missing = text.merge(&facts()).unwrap_err();
    let told: Vec<&str> = missing.iter().map(|one| one.said.vi.as_str()).collect();
    assert_eq!(
        told,
        [
            "không có “Ghi chú”; hãy điền vào bảng, hoặc ghi {{Ghi chú|chữ thay thế}} trong nội dung",
            "không có “Nguồn”; hãy điền vào bảng, hoặc ghi {{Nguồn|chữ thay thế}} trong nội dung",
        ]
    );
    assert_eq!(
        text.needs().iter().collect::<Vec<_>>(),
        ["budget", "name", "note", "source"]
    );
}

#[test]
fn a_fallback_is_counted() {
    let text = compiled("x", "{{Ghi chú|a}} {{Nguồn|b}} {{Họ tên|c}}");
    assert_eq!(text.merge(&facts()).unwrap().fallbacks(), 2);
}

#[test]
fn a_mail_has_both_parts_with_footer_and_refusal() {
    let mail = mail(
        "{{ greeting }} ơi, mở bán",
        "Kính chào {{Họ tên}},\n\nMời {{pronoun}}.",
    );
    assert_eq!(mail.subject, "Anh An ơi, mở bán");
    for part in [&mail.text, &mail.html] {
        for needed in [
            "Queenland",
            "https://crm.example/u/abc",
            "Kính chào Anh Nguyễn Văn An",
        ] {
            assert!(part.contains(needed), "{needed}: {part}");
        }
    }
    assert!(
        mail.html.contains("max-width:600px") && mail.html.contains("prefers-color-scheme: dark")
    );
    // The text stands beside the subject in the list of mails; the subject is not said twice.
    assert!(
        mail.html
            .contains(">Kính chào Anh Nguyễn Văn An, Mời anh.</div>"),
        "{}",
        mail.html
    );
    assert_eq!(mail.html.matches("ơi, mở bán").count(), 1, "{}", mail.html);
}

#[test]
fn what_was_kept_says_the_same_later() {
    let text = compiled(
        "Chào {{greeting}}",
        "**{{Họ tên}}** {{Ghi chú|-}} {{today}}",
    );
    let kept = text.kept();
    let merge = text.merge(&facts()).unwrap();
    let stored: Merge = serde_json::from_str(&serde_json::to_string(&merge).unwrap()).unwrap();
    assert!(serde_json::to_string(&merge).unwrap().len() < 100);
    let again = templates().campaign_text_of(&kept).unwrap();
    assert_eq!(
        again.render(&stored, &letter()).unwrap(),
        text.render(&merge, &letter()).unwrap()
    );
    assert_eq!(again.kept(), kept);
    // Also where the files have changed since.
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("layout")).unwrap();
    std::fs::write(folder.path().join("layout/campaign.txt"), "khác").unwrap();
    let others = Templates::load(Some(folder.path()), Language::Vietnamese).unwrap();
    let again = others.campaign_text_of(&kept).unwrap();
    assert_eq!(
        again.render(&stored, &letter()).unwrap(),
        text.render(&merge, &letter()).unwrap()
    );
    assert!(others.campaign_text_of("{").is_err());
}

#[test]
fn own_templates_in_mjml_are_compiled_once_and_filled_in() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("mo-ban");
    std::fs::create_dir(&own).unwrap();
    std::fs::write(own.join("subject.txt"), "Mở bán cho {{ greeting }}\n").unwrap();
    std::fs::write(
        own.join("body.txt"),
        "Kính chào {{ greeting }}, {{ area }}\n",
    )
    .unwrap();
    std::fs::write(
        own.join("body.mjml"),
        "<mjml><mj-body><mj-section><mj-column><mj-text>Kính chào {{ greeting }}, {{ area }}</mj-text><mj-button href=\"{{ optout.url }}\">Từ chối</mj-button></mj-column></mj-section></mj-body></mjml>",
    )
    .unwrap();
    let templates = Templates::load(Some(folder.path()), Language::Vietnamese).unwrap();
    let names = Names::new(&fields());
    let mut variant = variant("", "");
    variant.body = Body::Template("mo-ban".into());
    let text = templates.campaign_text(&variant, &names).unwrap();
    assert_eq!(
        text.needs().iter().collect::<Vec<_>>(),
        ["area", "greeting"]
    );
    let merge = text.merge(&facts()).unwrap();
    let mail = text.render(&merge, &letter()).unwrap();
    assert_eq!(mail.subject, "Mở bán cho Anh An");
    assert!(
        mail.html
            .contains("Kính chào Anh An, Quận 7 &amp; &lt;Nhà Bè&gt;"),
        "{}",
        mail.html
    );
    assert!(mail.html.contains("href=\"https://crm.example/u/abc\""));
    assert_eq!(mail.text, "Kính chào Anh An, Quận 7 & <Nhà Bè>\n");
    // A subject of the row goes before the template's.
    variant.subject = "Riêng {{greeting}}".into();
    let text = templates.campaign_text(&variant, &names).unwrap();
    let mail = text
        .render(&text.merge(&facts()).unwrap(), &letter())
        .unwrap();
    assert_eq!(mail.subject, "Riêng Anh An");
    // What is kept is independent of the files.
    let elsewhere = self::templates().campaign_text_of(&text.kept()).unwrap();
    assert_eq!(
        elsewhere
            .render(&text.merge(&facts()).unwrap(), &letter())
            .unwrap(),
        mail
    );
    let mut poor = facts();
    poor["area"] = Value::Null;
    let error = text
        .render(&text.merge(&poor).unwrap(), &letter())
        .unwrap_err();
    assert!(error.to_string().contains("`area` has no value"), "{error}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 200, failure_persistence: None, ..proptest::prelude::ProptestConfig::default() })]

    /// Whatever a cell and a value hold, no tag of theirs is in the HTML.
    #[test]
    fn nothing_that_is_typed_becomes_html(text in "([a-zđ]{1,3}|[*_#>`~!<&\\[\\]() \n-]|https://x|\\{\\{Khu vực\\}\\}|<script|on=\"x\"|\\\\){0,16}", value in "[<>&\"'*a\n]{0,8}") {
        let names = Names::new(&fields());
        if let Ok(compiled) = templates().campaign_text(&variant("x", &format!("a {text}")), &names) {
            let mut facts = facts();
            facts["area"] = format!("v{value}").into();
            let inside = fill(&compiled.compiled.as_ref().unwrap().html, &[format!("v{value}"), format!("v{value}"), format!("v{value}")]);
            let inside = inside.unwrap_or_default();
            let known = ["p", "/p", "strong", "/strong", "em", "/em", "a", "/a", "ul", "/ul", "ol", "/ol", "li", "/li", "br", "h1", "/h1", "h2", "/h2", "h3", "/h3", "hr", "blockquote", "/blockquote", "code", "/code", "img"];
            for tag in inside.split('<').skip(1) {
                let name: String = tag.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '/').collect();
                proptest::prop_assert!(known.contains(&name.as_str()), "{inside}");
            }
        }
    }
}
