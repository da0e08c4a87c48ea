//! Shows the progress of a download to a person: one line on a terminal, which is removed at the end. Without
//! a terminal, nothing is shown.

use std::{
    io::{self, IsTerminal as _, Write},
    time::{Duration, Instant},
};

/// Shortest time between two updates of the line.
const EVERY: Duration = Duration::from_millis(100);

/// The line on a terminal, or nothing.
#[derive(Debug)]
pub struct Progress<W: Write> {
    terminal: Option<W>,
    drawn: Option<Instant>,
}

impl Progress<io::Stderr> {
    /// A line on standard error, if that is a terminal.
    #[must_use]
    pub fn on_stderr() -> Self {
        let stderr = io::stderr();
        Self { terminal: stderr.is_terminal().then_some(stderr), drawn: None }
    }
}

impl<W: Write> Progress<W> {
    /// Shows that `received` bytes have arrived, of the number that the server announced.
    pub fn advanced(&mut self, received: u64, announced: Option<u64>) {
        let Some(terminal) = &mut self.terminal else { return };
        if self.drawn.is_some_and(|drawn| drawn.elapsed() < EVERY) {
            return;
        }
        self.drawn = Some(Instant::now());
        // An error is ignored, because the terminal may be gone.
        let _ = write!(terminal, "\r\x1b[Kdownloading: {}", line(received, announced));
        let _ = terminal.flush();
    }
}

impl<W: Write> Drop for Progress<W> {
    fn drop(&mut self) {
        if let (Some(terminal), Some(_)) = (&mut self.terminal, self.drawn) {
            let _ = write!(terminal, "\r\x1b[K");
            let _ = terminal.flush();
        }
    }
}

/// Returns the kilobytes and, if the total is known, the share in percent.
fn line(received: u64, announced: Option<u64>) -> String {
    let share = announced.filter(|announced| *announced > 0).map(|announced| {
        let percent = u128::from(received) * 100 / u128::from(announced);
        format!(" of {} kB ({percent} %)", announced / 1000)
    });
    format!("{} kB{}", received / 1000, share.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_it_is() {
        assert_eq!(line(1_234_567, None), "1234 kB");
        assert_eq!(line(2_200_000, Some(4_400_000)), "2200 kB of 4400 kB (50 %)");
        assert_eq!(line(u64::MAX, Some(1)).split(' ').next(), Some("18446744073709551"));
        assert_eq!(line(0, Some(0)), "0 kB");
    }

    #[test]
    fn a_terminal_is_left_clean_and_anything_else_alone() {
        let mut terminal = Vec::new();
        let mut progress = Progress { terminal: Some(&mut terminal), drawn: None };
        progress.advanced(1000, None);
        progress.advanced(2000, None);
        drop(progress);
        let drawn = String::from_utf8(terminal).unwrap();
        assert!(drawn.starts_with("\r\x1b[Kdownloading: 1 kB"), "{drawn:?}");
        assert!(drawn.ends_with("\r\x1b[K"), "{drawn:?}");
        let mut nothing = Vec::new();
        drop(Progress { terminal: Some(&mut nothing), drawn: None });
        assert!(nothing.is_empty());
        Progress::<Vec<u8>> { terminal: None, drawn: None }.advanced(1, None);
    }
}
