//! What `genCA` and its kin give.

use std::any::Any;
use std::rc::Rc;

use crate::value::{CallError, Object, Value};

/// A certificate and its key, PEM.
pub(crate) struct Certificate {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Object for Certificate {
    fn type_name(&self) -> &'static str {
        "sprig.certificate"
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Cert" => Some(Value::from(self.certificate.as_str())),
            "Key" => Some(Value::from(self.key.as_str())),
            _ => None,
        }
    }

    fn method(&self, _: &str) -> Option<usize> {
        None
    }

    fn call(&self, name: &str, _: &[Value]) -> Result<Value, CallError> {
        Err(CallError(format!("no method {name}")))
    }

    fn text(&self) -> String {
        format!("{{{} {}}}", self.certificate, self.key)
    }

    fn as_any(self: Rc<Self>) -> Rc<dyn Any> {
        self
    }
}
