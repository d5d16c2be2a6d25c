//! What ought to follow from what the polls saw: SEMANTICS 1, 2, 8, 13, 14 and 23 on customers whose identity is known.

use std::collections::{BTreeMap, BTreeSet};

/// Seconds.
pub(crate) type Seconds = i64;

/// `[settle] removed`.
const REMOVED: Seconds = 600;
/// SEMANTICS 14.
const OPEN_FOR: Seconds = 24 * 3_600;

/// One customer's row as a poll saw it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    /// By header, without the noise of how it was typed.
    pub(crate) cells: BTreeMap<String, String>,
    pub(crate) stage: Option<&'static str>,
    pub(crate) email: Option<String>,
    /// Whether the required cells are there.
    pub(crate) complete: bool,
}

/// A rule, as far as this model knows rules.
pub(crate) struct Rule {
    pub(crate) id: &'static str,
    pub(crate) after: Seconds,
    pub(crate) on: On,
    /// To the customer: one for each address and occasion, within so long.
    pub(crate) once: Option<Seconds>,
}

#[derive(PartialEq)]
pub(crate) enum On {
    Added { needs_email: bool },
    Stage(&'static str),
}

/// The rules of the day; `[settle] after` is 20 s.
pub(crate) const RULES: [Rule; 6] = [
    Rule {
        id: "welcome",
        after: 20,
        on: On::Added { needs_email: true },
        once: Some(24 * 3_600),
    },
    Rule {
        id: "lead",
        after: 20,
        on: On::Added { needs_email: false },
        once: None,
    },
    Rule {
        id: "deposited",
        after: 20,
        on: On::Stage("deposited"),
        once: None,
    },
    Rule {
        id: "thanks",
        after: 20,
        on: On::Stage("deposited"),
        once: Some(600),
    },
    Rule {
        id: "at-once",
        after: 1,
        on: On::Stage("lost"),
        once: None,
    },
    Rule {
        id: "patient",
        after: 90,
        on: On::Stage("consulting"),
        once: None,
    },
];

/// The time of everything that has none of its own.
const GENERAL: Seconds = 20;

#[derive(Clone, Debug, Default)]
struct Settled {
    cells: Option<BTreeMap<String, String>>,
    stage: Option<&'static str>,
    open_until: Option<Seconds>,
}

#[derive(Clone, Debug)]
struct Customer {
    seen: Seen,
    changed_at: Seconds,
    gone: Option<Seconds>,
    removed: bool,
    /// In the order of [`RULES`].
    rules: Vec<Settled>,
}

/// What is due to whom, by the truth.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truth {
    customers: BTreeMap<u32, Customer>,
    /// By rule and address, when a customer was written to.
    written: BTreeMap<(&'static str, String), (Seconds, u32)>,
}

impl Truth {
    /// The first look: everything is as it is.
    pub(crate) fn baseline(rows: &BTreeMap<u32, Seen>) -> Self {
        let customer = |seen: &Seen| Customer {
            seen: seen.clone(),
            changed_at: 0,
            gone: None,
            removed: false,
            rules: RULES
                .iter()
                .map(|_| Settled {
                    cells: Some(seen.cells.clone()),
                    stage: seen.stage,
                    open_until: None,
                })
                .collect(),
        };
        Self {
            customers: rows
                .iter()
                .map(|(who, seen)| (*who, customer(seen)))
                .collect(),
            written: BTreeMap::new(),
        }
    }

    /// Whether a customer who is not in the sheet may come back as the same record.
    pub(crate) fn knows(&self, who: u32) -> bool {
        self.customers.contains_key(&who)
    }

    /// For people who look for a mistake.
    pub(crate) fn about(&self, who: u32) -> Option<impl std::fmt::Debug> {
        self.customers.get(&who)
    }

    /// What an accepted poll fires: rule and customer, or for mails to customers the address. Nobody in `unclear` is looked at.
    pub(crate) fn poll(
        &mut self,
        now: Seconds,
        rows: &BTreeMap<u32, Seen>,
        unclear: &BTreeSet<u32>,
    ) -> Vec<(&'static str, String)> {
        for (who, seen) in rows.iter().filter(|(who, _)| !unclear.contains(who)) {
            match self.customers.get_mut(who) {
                None => {
                    self.customers.insert(
                        *who,
                        Customer {
                            seen: seen.clone(),
                            changed_at: now,
                            gone: None,
                            removed: false,
                            rules: vec![Settled::default(); RULES.len()],
                        },
                    );
                }
                Some(customer) => {
                    if customer.gone.take().is_some() {
                        customer.changed_at = now;
                    }
                    customer.removed = false;
                    if customer.seen.cells != seen.cells {
                        customer.changed_at = now;
                        customer.seen = seen.clone();
                    }
                }
            }
        }
        for (who, customer) in &mut self.customers {
            if !rows.contains_key(who) && !unclear.contains(who) && customer.gone.is_none() {
                customer.gone = Some(now);
            }
        }
        self.forget(now, unclear);
        let mut fired = Vec::new();
        // The newest first: where two rows are one person's, it speaks.
        for (who, customer) in self.customers.iter_mut().rev() {
            if customer.gone.is_none() && !unclear.contains(who) {
                settle(*who, customer, now, &mut self.written, &mut fired);
            }
        }
        fired.sort();
        fired
    }

    fn forget(&mut self, now: Seconds, unclear: &BTreeSet<u32>) {
        let mut never = Vec::new();
        for (who, customer) in &mut self.customers {
            let over = customer.gone.is_some_and(|gone| now - gone >= REMOVED);
            if !over || customer.removed || unclear.contains(who) {
                continue;
            }
            customer.removed = true;
            if customer.rules.iter().all(|rule| rule.cells.is_none()) {
                never.push(*who);
            }
            let general = RULES.iter().position(|rule| rule.after == GENERAL);
            let general = customer.rules[general.expect("there are some")].clone();
            for rule in &mut customer.rules {
                rule.open_until = None;
                // What had not settled when the row went does not fire when it comes back.
                if general.cells.is_some() {
                    rule.cells.clone_from(&general.cells);
                    rule.stage = general.stage;
                }
            }
        }
        for who in never {
            self.customers.remove(&who);
        }
    }
}

fn settle(
    who: u32,
    customer: &mut Customer,
    now: Seconds,
    written: &mut BTreeMap<(&'static str, String), (Seconds, u32)>,
    fired: &mut Vec<(&'static str, String)>,
) {
    let seen = &customer.seen;
    for (rule, settled) in RULES.iter().zip(&mut customer.rules) {
        if settled.cells.as_ref() == Some(&seen.cells) || now < customer.changed_at + rule.after {
            continue;
        }
        let added = settled.cells.is_none();
        if added && !seen.complete {
            continue;
        }
        settled.cells = Some(seen.cells.clone());
        let entered = seen.stage.is_some() && seen.stage != settled.stage;
        settled.stage = seen.stage.or(settled.stage);
        let fires = match rule.on {
            On::Stage(stage) => entered && seen.stage == Some(stage),
            On::Added { needs_email } => {
                let met = !needs_email || seen.email.is_some();
                let asked = added || settled.open_until.is_some_and(|until| now <= until);
                settled.open_until = match settled.open_until {
                    _ if added && !met => Some(now + OPEN_FOR),
                    until if !met => until,
                    _ => None,
                };
                asked && met
            }
        };
        if !fires {
            continue;
        }
        let Some(window) = rule.once else {
            fired.push((rule.id, format!("#{who}")));
            continue;
        };
        // Without an address there is nothing to send.
        let Some(email) = &seen.email else {
            continue;
        };
        let taken = written
            .get(&(rule.id, email.clone()))
            .is_some_and(|(at, whose)| *whose != who && now - at <= window);
        if !taken {
            written.insert((rule.id, email.clone()), (now, who));
            fired.push((rule.id, email.clone()));
        }
    }
}
