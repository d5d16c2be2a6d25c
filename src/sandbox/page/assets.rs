//! The page's own files, carried in the program: nothing comes from elsewhere.

/// A file: its path, content type and text.
pub(super) struct Asset {
    pub(super) path: &'static str,
    pub(super) kind: &'static str,
    pub(super) text: &'static str,
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

/// All of them.
const ASSETS: &[Asset] = &[
    Asset {
        path: "/",
        kind: HTML,
        text: include_str!("web/index.html"),
    },
    Asset {
        path: "/page.css",
        kind: CSS,
        text: include_str!("web/page.css"),
    },
    Asset {
        path: "/grid.css",
        kind: CSS,
        text: include_str!("web/grid.css"),
    },
    Asset {
        path: "/panels.css",
        kind: CSS,
        text: include_str!("web/panels.css"),
    },
    Asset {
        path: "/icon.svg",
        kind: IMAGE,
        text: include_str!("web/icon.svg"),
    },
    Asset {
        path: "/app.js",
        kind: SCRIPT,
        text: include_str!("web/app.js"),
    },
    Asset {
        path: "/words.js",
        kind: SCRIPT,
        text: include_str!("web/words.js"),
    },
    Asset {
        path: "/page.js",
        kind: SCRIPT,
        text: include_str!("web/page.js"),
    },
    Asset {
        path: "/sheet.js",
        kind: SCRIPT,
        text: include_str!("web/sheet.js"),
    },
    Asset {
        path: "/grid.js",
        kind: SCRIPT,
        text: include_str!("web/grid.js"),
    },
    Asset {
        path: "/typing.js",
        kind: SCRIPT,
        text: include_str!("web/typing.js"),
    },
    Asset {
        path: "/menus.js",
        kind: SCRIPT,
        text: include_str!("web/menus.js"),
    },
    Asset {
        path: "/mails.js",
        kind: SCRIPT,
        text: include_str!("web/mails.js"),
    },
    Asset {
        path: "/chats.js",
        kind: SCRIPT,
        text: include_str!("web/chats.js"),
    },
    Asset {
        path: "/log.js",
        kind: SCRIPT,
        text: include_str!("web/log.js"),
    },
    Asset {
        path: "/guide.js",
        kind: SCRIPT,
        text: include_str!("web/guide.js"),
    },
];

/// The file at a path.
pub(super) fn find(path: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_asks_only_for_files_it_carries() {
        let page = find("/").unwrap().text;
        for (attribute, end) in [("src=\"", '"'), ("href=\"", '"')] {
            for rest in page.split(attribute).skip(1) {
                let path = rest.split(end).next().unwrap();
                assert!(find(path).is_some(), "{path} is not carried");
            }
        }
        for asset in ASSETS.iter().filter(|asset| asset.kind == SCRIPT) {
            for rest in asset.text.split("from \"./").skip(1) {
                let name = rest.split('"').next().unwrap();
                assert!(
                    find(&format!("/{name}")).is_some(),
                    "{} imports {name}, which is not carried",
                    asset.path
                );
            }
        }
    }

    #[test]
    fn nothing_comes_from_elsewhere_and_nothing_is_run_from_text() {
        for asset in ASSETS {
            for foreign in [
                "https://",
                "//cdn",
                "@import",
                "eval(",
                "new Function",
                " onclick=",
            ] {
                assert!(
                    !asset.text.contains(foreign),
                    "{} has {foreign}",
                    asset.path
                );
            }
        }
    }
}
