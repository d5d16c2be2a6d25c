//! When somebody gets a digest unless they say otherwise in the bot: the `digests` of `[[staff]]`.

use super::Staff;
use super::walk::{Reader, Section};
use crate::core::calendar::Schedule;
use crate::core::people::Role;
use crate::core::rule::Rule;
use crate::core::subscription::{Subscriptions, Wish, digest_of};

const MEND: &str =
    "write a time as a rule's schedule has it, such as \"Mon-Sat 07:30\", or \"off\"";

/// By rule and name.
pub(super) fn digests(
    reader: &Reader<'_>,
    root: &Section<'_>,
    staff: &[Staff],
    rules: &[Rule],
) -> Subscriptions {
    let mut wishes = Vec::new();
    for section in root.sections(reader, "staff", "[[staff]]") {
        let name = section.get("name").and_then(|name| name.as_text());
        let person = name.and_then(|name| staff.iter().find(|person| person.name == name.trim()));
        let (Some(person), Some(wanted)) = (person, section.section(reader, "digests")) else {
            continue;
        };
        for (key, node) in wanted.entries() {
            let rule = rules.iter().find(|rule| rule.id == key.as_str());
            let theirs = rule.and_then(|rule| digest_of(rule, &person.name));
            if theirs.is_none() || person.role != Role::Manager {
                reader.wrong(
                    &key.span,
                    format!(
                        "`{}` is no rule that sends \"{}\" a digest",
                        key.as_str(),
                        person.name
                    ),
                    "write the id of a [[rule]] with a schedule, a template digest-… and to = \"managers\", of which they are one",
                );
                continue;
            }
            let Some(text) = node.text(reader) else {
                continue;
            };
            let wish = match text.text.trim() {
                "off" => Wish::Off,
                time => match Schedule::parse(time) {
                    Ok(schedule) => Wish::At(schedule.to_string()),
                    Err(why) => {
                        text.wrong(reader, &format!(": {why}"), MEND);
                        continue;
                    }
                },
            };
            wishes.push(((key.as_str().to_owned(), person.name.clone()), wish));
        }
    }
    Subscriptions::new(wishes)
}
