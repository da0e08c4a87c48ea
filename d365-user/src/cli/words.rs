//! The words for the settings that a flag takes from a list, with their lines of `--help`. The settings
//! themselves do not know the command line.

use clap::{ValueEnum, builder::PossibleValue};

use crate::{
    export::{Family, OnLapse},
    settings::{ModePolicy, RangeMetrics, TcOrder},
};

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

impl ValueEnum for Family {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.as_str()))
    }
}

impl ValueEnum for OnLapse {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Keep => word("keep", "Export them; the first line of the export shows it"),
            Self::Fail => word("fail", "Export nothing, and end with exit code 1"),
            Self::Empty => word("empty", "Leave them out, even if no range is left"),
        })
    }
}

fn word(name: &'static str, help: &'static str) -> PossibleValue {
    PossibleValue::new(name).help(help)
}
