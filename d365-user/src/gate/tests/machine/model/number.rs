//! The change number in the model.

use super::{Model, Trust};

impl Model {
    pub(super) fn is_step_back(&mut self, number: Option<u64>, trust: Trust) -> bool {
        let is_lower = match (self.number, number) {
            (None, _) => false,
            (Some(_), None) => trust == Trust::Download,
            (Some(current), Some(number)) => number < current,
        };
        if !is_lower {
            self.lower = None;
            self.rise(number.filter(|number| self.number.is_none_or(|current| *number > current)), trust);
            return false;
        }
        self.higher = None;
        match self.lower {
            Some((shown, since)) if shown == number => {
                if self.counted - since >= self.policy.hold.as_secs() {
                    self.step_down();
                }
            }
            _ => self.lower = Some((number, self.counted)),
        }
        self.lower.is_some()
    }

    /// A higher number of a file is accepted at once. That of a download is accepted when a later one shows
    /// it or a still higher one.
    fn rise(&mut self, number: Option<u64>, trust: Trust) {
        let Some(number) = number else {
            self.higher = None;
            return;
        };
        match self.higher {
            _ if trust == Trust::Local => (self.number, self.higher) = (Some(number), None),
            Some((shown, since)) if number >= shown => {
                if self.passed - since >= self.policy.confirm_after.as_secs() {
                    self.number = Some(shown);
                    self.higher = if number > shown { Some((number, self.passed)) } else { None };
                }
            }
            _ => self.higher = Some((number, self.passed)),
        }
    }

    pub(super) fn step_down(&mut self) {
        if let Some((number, _)) = self.lower.take() {
            self.number = number;
        }
    }
}
