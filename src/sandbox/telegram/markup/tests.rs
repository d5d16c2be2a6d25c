use super::*;

/// Entities as `kind offset+length extra`, for reading.
fn marks(text: &str, mode: &str) -> String {
    match read(text, mode, Vec::new()) {
        Err(error) => error,
        Ok(marked) => {
            let entities: Vec<String> = marked
                .entities
                .iter()
                .map(|entity| {
                    let extra = entity
                        .url
                        .clone()
                        .or(entity.language.clone())
                        .unwrap_or_default();
                    format!(
                        "{:?} {}+{} {extra}",
                        entity.kind, entity.offset, entity.length
                    )
                    .trim()
                    .to_owned()
                })
                .collect();
            format!("{} | {}", marked.text, entities.join(", "))
        }
    }
}

#[test]
fn html_is_read_in_utf16_units() {
    for (html, expected) in [
        ("Chào <b>anh An</b>", "Chào anh An | Bold 5+6"),
        (
            "🏟<i>🏟 &gt;<b aba = caba>&lt🏟</b></i>",
            "🏟🏟 ><🏟 | Italic 2+7, Bold 6+3",
        ),
        (
            "<i>a</em",
            "can't parse entities: Unclosed end tag at byte offset 4",
        ),
        ("<STRONG>a</strong>", "a | Bold 0+1"),
        (
            "&ge;&lt;&gt;&amp;&quot;&#65;&#x42;&#12345678;",
            "&ge;<>&\"AB&#12345678; |",
        ),
        ("<b></b>x", "x |"),
        (
            "<tg-spoiler>a</tg-spoiler><span class=\"tg-spoiler\">b</span>",
            "ab | Spoiler 0+1, Spoiler 1+1",
        ),
        (
            "<a href=\"https://x.org/?a=1&amp;b=2\">đây</a>",
            "đây | TextLink 0+3 https://x.org/?a=1&b=2",
        ),
        ("<a href=\"http://localhost:8800/\">đây</a>", "đây |"),
        ("<a href=\"javascript:alert(1)\">đây</a>", "đây |"),
        (
            "<pre><code class=\"language-rust\">let</code></pre>",
            "let | Pre 0+3 rust",
        ),
        ("<code class=\"language-rust\">let</code>", "let | Code 0+3"),
        (
            "<blockquote expandable>a</blockquote>",
            "a | ExpandableBlockquote 0+1",
        ),
        ("  \n<b> a</b>\n ", "a | Bold 0+1"),
        ("<u>a<s>b</s></u>", "ab | Underline 0+2, Strikethrough 1+1"),
    ] {
        assert_eq!(marks(html, "HTML").trim(), expected, "{html}");
    }
}

#[test]
fn bad_html_is_refused_in_telegrams_words() {
    for (html, expected) in [
        ("giá < 3 tỷ", "Unsupported start tag \"\" at byte offset 5"),
        ("<abac>", "Unsupported start tag \"abac\" at byte offset 0"),
        ("a<br/>", "Unsupported start tag \"br/\" at byte offset 1"),
        (
            "<b>x",
            "Can't find end tag corresponding to start tag \"b\"",
        ),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        (
            "<b><i>x</b></i>",
            "Unmatched end tag at byte offset 7, expected \"</i>\", found \"</b>\"",
        ),
        ("<i", "Unclosed start tag at byte offset 0"),
        (
            "<i =aba>",
            "Empty attribute name in the tag \"i\" at byte offset 0",
        ),
        ("<i aba = ", "Unclosed start tag \"i\" at byte offset 0"),
        (
            "<i aba = 190azAz-.,",
            "Unexpected end of name token at byte offset 9",
        ),
        ("<a href=\"x", "Unclosed start tag at byte offset 0"),
        (
            "<span>a</span>",
            "Tag \"span\" must have class \"tg-spoiler\" at byte offset 0",
        ),
    ] {
        assert_eq!(
            marks(html, "html"),
            format!("can't parse entities: {expected}"),
            "{html}"
        );
    }
    assert_eq!(marks("x", "XML"), "unsupported parse_mode");
}

#[test]
fn markdown_v2_is_read() {
    for (text, expected) in [
        ("🏟 🏟_abac \\* asd_", "🏟 🏟abac * asd | Italic 5+10"),
        (
            "_a *b*_ __c__ ~d~ ||e||",
            "a b c d e | Italic 0+3, Bold 2+1, Underline 4+1, Strikethrough 6+1, Spoiler 8+1",
        ),
        ("_a __b___", "a b | Italic 0+3, Underline 2+1"),
        (
            "`a\\`b` ```rust\nlet x```",
            "a`b let x | Code 0+3, Pre 4+5 rust",
        ),
        (
            "[đây](https://x.org/\\))",
            "đây | TextLink 0+3 https://x.org/)",
        ),
        (">a\n>b\nc", "a\nb\nc | Blockquote 0+3"),
        (">a\n>b||", "a\nb | ExpandableBlockquote 0+3"),
        ("3\\.5 tỷ", "3.5 tỷ |"),
    ] {
        assert_eq!(marks(text, "MarkdownV2").trim(), expected, "{text}");
    }
    for (text, expected) in [
        (
            "3.5",
            "Character '.' is reserved and must be escaped with the preceding '\\'",
        ),
        (
            "🏟 🏟_abac * asd _",
            "Can't find end of Italic entity at byte offset 21",
        ),
        (
            "🏟 🏟```a ",
            "Can't find end of PreCode entity at byte offset 9",
        ),
        (
            "🏟 🏟__🏟 _🏟___",
            "Can't find end of Italic entity at byte offset 23",
        ),
        (
            "[telegram\\.org](asd",
            "Can't find end of a URL at byte offset 16",
        ),
        (
            ">*b\n>ld\nx*",
            "Can't find end of Bold entity at byte offset 1",
        ),
    ] {
        assert_eq!(
            marks(text, "markdownv2"),
            format!("can't parse entities: {expected}"),
            "{text}"
        );
    }
}

#[test]
fn the_older_markdown_is_read() {
    assert_eq!(
        marks("*a* _b_ `c` [d](x.org) 3.5 \\*", "Markdown"),
        "a b c d 3.5 * | Bold 0+1, Italic 2+1, Code 4+1, TextLink 6+1 http://x.org"
    );
    assert_eq!(
        marks("a *b", "Markdown"),
        "can't parse entities: Can't find end of the entity starting at byte offset 2"
    );
}

#[test]
fn commands_links_and_addresses_are_found() {
    assert_eq!(
        marks(
            "/start@the_bot xin (https://x.org/a?b=1). an@x.org @minh_tuan #căn_hộ 1/2 <",
            ""
        ),
        "/start@the_bot xin (https://x.org/a?b=1). an@x.org @minh_tuan #căn_hộ 1/2 < | BotCommand 0+14, Url 20+19, \
         Email 42+8, Mention 51+10, Hashtag 62+7"
    );
    assert_eq!(
        marks("<code>/start</code> /help", "HTML"),
        "/start /help | Code 0+6, BotCommand 7+5"
    );
}

#[test]
fn given_entities_must_lie_in_the_text() {
    let bold = |offset, length| vec![Entity::new(Kind::Bold, offset, length)];
    assert!(read("🏟a", "", bold(2, 1)).is_ok());
    assert!(read("🏟a", "", bold(1, 1)).is_err());
    assert!(read("🏟a", "", bold(2, 2)).is_err());
}

#[test]
fn shown_html_is_safe_and_nests() {
    let show = |html: &str| {
        let marked = read(html, "HTML", Vec::new()).expect("good markup");
        to_html(&marked.text, &marked.entities)
    };
    assert_eq!(
        show("<b>Ông &lt;A&gt;</b> &amp; \"B\""),
        "<b>Ông &lt;A&gt;</b> &amp; &quot;B&quot;"
    );
    assert_eq!(show("🏟<b>a<i>b</i></b>c"), "🏟<b>a<i>b</i></b>c");
    assert_eq!(
        show("<a href='https://x.org/\"onx=\"'>x</a>"),
        "<a href=\"https://x.org/&quot;onx=&quot;\" target=\"_blank\" rel=\"noopener noreferrer\">x</a>"
    );
    let overlapping = [
        Entity::new(Kind::Bold, 0, 2),
        Entity::new(Kind::Italic, 1, 2),
    ];
    assert_eq!(to_html("abc", &overlapping), "<b>a<i>b</i></b><i>c</i>");
    let mut evil = Entity::new(Kind::TextLink, 0, 1);
    evil.url = Some("javascript:alert(1)".to_owned());
    assert_eq!(to_html("x", &[evil]), "<a>x</a>");
}
