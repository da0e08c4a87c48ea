//! The reason why the daemon does not use an interface or a mode, with the operator's next step. The daemon's
//! errors and `d365-user doctor` show the same.

/// A reason and its advice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}; {advice}")]
pub struct Objection {
    /// The reason.
    pub reason: String,
    /// The next step for the operator.
    pub advice: &'static str,
}
