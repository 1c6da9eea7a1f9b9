//! Numbers and reasons in words.

use std::time::Duration;
use stopleak_core::report::Reason;

const MOST_REASONS: usize = 4;

/// `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let head = digits.len() % 3;
    let groups = digits.as_bytes()[head..].chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    let head = (head > 0).then(|| digits[..head].to_owned());
    head.into_iter().chain(groups).collect::<Vec<_>>().join(",")
}

/// `1 secret`, `2 secrets`.
pub fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// `56.3 MB`.
pub fn bytes(number: u64) -> String {
    let units = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    match units.iter().find(|(unit, _)| number >= *unit) {
        Some((unit, name)) => format!("{:.1} {name}", number as f64 / *unit as f64),
        None => counted(number, "byte"),
    }
}

/// `0.42 s`, `3 min 5 s`, `2 h 10 min`.
pub fn duration(time: Duration) -> String {
    match time.as_secs() {
        0..=59 => format!("{:.2} s", time.as_secs_f64()),
        seconds @ 60..=3_599 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
    }
}

/// The weightiest reasons for a score, then those against it.
pub fn reasons(evidence: &[Reason]) -> String {
    let mut weightiest: Vec<&Reason> = evidence.iter().collect();
    weightiest.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
    weightiest.truncate(MOST_REASONS);
    let (against, supporting): (Vec<&Reason>, Vec<&Reason>) =
        weightiest.into_iter().partition(|reason| reason.weight < 0.0);
    match (list(&supporting), list(&against)) {
        (supporting, against) if against.is_empty() => supporting,
        (supporting, against) if supporting.is_empty() => format!("against it: {against}"),
        (supporting, against) => format!("{supporting}; against it: {against}"),
    }
}

fn list(reasons: &[&Reason]) -> String {
    reasons.iter().map(|reason| super::clean(&reason.words())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([1, 999, 56_300_000].map(bytes), ["1 byte", "999 bytes", "56.3 MB"]);
        assert_eq!(duration(Duration::from_millis(420)), "0.42 s");
        assert_eq!(duration(Duration::from_secs(185)), "3 min 5 s");
    }
}
