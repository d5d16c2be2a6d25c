//! Conditions: minijinja expressions over the facts of a record.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

use minijinja::{Environment, Expression, UndefinedBehavior, Value};

/// A compiled condition and its source. Cheap to clone; two are equal if their sources are.
#[derive(Clone)]
pub struct Condition {
    inner: Arc<Inner>,
}

struct Inner {
    source: String,
    expression: Expression<'static, 'static>,
}

impl Condition {
    /// Compiles an expression.
    ///
    /// # Errors
    /// One line that says what is wrong and at which column.
    pub fn parse(source: &str) -> Result<Self, String> {
        let source = source.trim();
        let expression = environment()
            .compile_expression_owned(source.to_owned())
            .map_err(|e| e.to_string())?;
        Ok(Self {
            inner: Arc::new(Inner {
                source: source.to_owned(),
                expression,
            }),
        })
    }

    /// As written.
    pub fn source(&self) -> &str {
        &self.inner.source
    }

    /// Whether it is true of these facts.
    ///
    /// # Errors
    /// One line that says what broke.
    pub fn holds(&self, facts: &serde_json::Value) -> Result<bool, String> {
        self.inner
            .expression
            .eval(value_of(facts))
            .map(|value| value.is_true())
            .map_err(|e| e.to_string())
    }

    /// The top-level names it uses, constants left out.
    pub fn names(&self) -> BTreeSet<String> {
        self.inner
            .expression
            .undeclared_variables(false)
            .into_iter()
            .filter(|name| !environment().globals().any(|(global, _)| global == name))
            .collect()
    }
}

/// Facts as minijinja has them. What is null is left out, so that it is missing for everybody.
fn value_of(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::UNDEFINED,
        serde_json::Value::Bool(truth) => Value::from(*truth),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => Value::from(whole),
            None => Value::from(number.as_f64().unwrap_or(f64::MAX)),
        },
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => items
            .iter()
            .filter(|item| !item.is_null())
            .map(value_of)
            .collect(),
        serde_json::Value::Object(fields) => Value::from_pairs(
            fields
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| (name.as_str(), value_of(value))),
        ),
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.source()).finish()
    }
}

/// As written.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.source())
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.source() == other.source()
    }
}

fn environment() -> &'static Environment<'static> {
    static ENVIRONMENT: OnceLock<Environment<'static>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        environment.set_fuel(Some(50_000));
        for (name, value) in [("ty", 1_000_000_000_i64), ("tr", 1_000_000), ("k", 1_000)] {
            environment.add_global(name, value);
        }
        environment
    })
}
