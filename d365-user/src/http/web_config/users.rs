//! Users and the hashes of their passwords, from `basic_auth_users`.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bcrypt::HashParts;
use rustls::crypto::ring;
use sha2::{Digest as _, Sha256};

use super::error::{FieldError, Problem};

const LOWEST_COST: u32 = 4;
/// The highest cost. A check takes a quarter of a minute then, and a connection has 30 s.
const HIGHEST_COST: u32 = 18;

/// A password that was right, as a digest with the salt of [`Users`].
type Remembered = [u8; 32];

/// All users.
pub(super) struct Users {
    hashes: BTreeMap<String, String>,
    /// The hash with the highest cost. Passwords of unknown users are compared with it, so that the time
    /// does not show if a user exists.
    costliest: String,
    /// Users whose password was right, so that their next scrape costs no hash. No password is kept in clear.
    remembered: Mutex<BTreeMap<String, Remembered>>,
    salt: [u8; 32],
}

impl Users {
    /// Reads the section; `None` if there are no users, and so no passwords.
    pub(super) fn read(written: BTreeMap<String, String>) -> Result<Option<Self>, FieldError> {
        let field = "basic_auth_users";
        let mut costliest: Option<(u32, &String)> = None;
        // Users are named by their place in the order of the names.
        for (place, (user, hash)) in (1..).zip(&written) {
            if user.is_empty() || user.contains(|c: char| c == ':' || c.is_control()) {
                return Err((field, Problem::User));
            }
            let parts = hash.parse::<HashParts>();
            let parts = parts.map_err(|_| (field, Problem::Hash { place }))?;
            let cost = parts.get_cost();
            if !(LOWEST_COST..=HIGHEST_COST).contains(&cost) {
                return Err((field, Problem::Cost { place, cost, most: HIGHEST_COST }));
            }
            costliest = costliest.max(Some((cost, hash)));
        }
        let Some((_, costliest)) = costliest else { return Ok(None) };
        let mut salt = [0; 32];
        // Without random numbers TLS would not work either, and the salt matters only to a reader of this
        // process's memory.
        let _ = ring::default_provider().secure_random.fill(&mut salt);
        let costliest = costliest.clone();
        Ok(Some(Self { costliest, hashes: written, remembered: Mutex::default(), salt }))
    }

    /// Returns true if this password was right before.
    pub(super) fn remembers(&self, user: &str, password: &[u8]) -> bool {
        self.remembered().get(user) == Some(&self.digest(password))
    }

    /// Compares the password with the user's hash, which takes a tenth of a second or so.
    pub(super) fn verify(&self, user: &str, password: &[u8]) -> bool {
        let hash = self.hashes.get(user);
        let is_right = bcrypt::verify(password, hash.unwrap_or(&self.costliest)).unwrap_or(false);
        let is_right = is_right && hash.is_some();
        if is_right {
            self.remembered().insert(user.to_owned(), self.digest(password));
        }
        is_right
    }

    fn digest(&self, password: &[u8]) -> Remembered {
        Sha256::new().chain_update(self.salt).chain_update(password).finalize().into()
    }

    /// No guard is held over code that panics.
    fn remembered(&self) -> MutexGuard<'_, BTreeMap<String, Remembered>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
