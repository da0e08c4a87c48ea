//! The words for the settings that a flag takes from a list, with their lines of `--help`. The settings
//! themselves do not know the command line.

use clap::{ValueEnum, builder::PossibleValue};

use crate::settings::{ModePolicy, RangeMetrics, TcOrder};

impl ValueEnum for ModePolicy {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Auto, Self::Native, Self::Generic, Self::Tc]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Auto => word("auto", "Native where the driver takes it, otherwise tc"),
            Self::Native => word("native", "Native XDP (in the driver), or fail"),
            Self::Generic => word(
                "generic",
                "Generic XDP (in the network stack), with a warning where it blinds tc filters",
            ),
            Self::Tc => word("tc", "A tc program, next to any XDP program and on devices without XDP"),
        })
    }
}

impl ValueEnum for RangeMetrics {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Auto, Self::On, Self::Off]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Auto => word("auto", "If there are at most 1000 ranges"),
            Self::On => word("on", "Always"),
            Self::Off => word("off", "Never"),
        })
    }
}

impl ValueEnum for TcOrder {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::First, Self::Last]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::First => word("first", "Before all others: they see the mark"),
            Self::Last => word("last", "After all others"),
        })
    }
}

fn word(name: &'static str, help: &'static str) -> PossibleValue {
    PossibleValue::new(name).help(help)
}
