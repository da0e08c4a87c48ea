//! Growth of costs with the list: a hit on one source, hits spread over all ranges, memory, and the time that
//! a new list takes.

use std::time::Instant;

use anyhow::{Result, ensure};
use d365_tests::{
    frame::{Frame, Packet, Tcp},
    lab::host_v4,
};

use crate::{
    Effort, memory,
    programs::{self, Before},
    report::{Preparation, Scale, ScaleCost},
    rounds::{Stat, interleaved, pinned},
    sets::{self, Set},
    subject::{Build, Class, Subject},
};

/// Number of sources to draw from. At 4 bytes each they do not fit into a first-level cache, also with the
/// floor.
const SOURCES: usize = 1 << 17;

/// Measures each list with the builds in turns.
pub(crate) fn measure(effort: &Effort, sets: &[Set]) -> Result<Vec<Scale>> {
    sets.iter().map(|set| one(effort, set)).collect()
}

fn one(effort: &Effort, set: &Set) -> Result<Scale> {
    eprintln!("bench: {} ranges ({})", set.ranges.len(), set.name);
    let before = memory::locked_bytes();
    let mut subject = Subject::load(Build::Default, &set.ranges)?;
    let preparation = pinned(|| prepare(effort, &mut subject, set))?;
    let memory = memory::locked_bytes()
        .iter()
        .filter(|(id, _)| !before.contains_key(id))
        .map(|(_, bytes)| bytes)
        .sum();
    let others = Build::COMPARED.iter().filter(|build| **build != Build::Default);
    let others = others.map(|build| Ok((*build, Subject::with(*build, &set.ranges)?)));
    let subjects: Vec<(Build, Subject)> =
        [Ok((Build::Default, subject))].into_iter().chain(others).collect::<Result<_>>()?;
    let costs = pinned(|| costs(effort, &subjects, set))?;
    Ok(Scale { name: set.name.to_owned(), ranges: set.ranges.len(), memory, preparation, costs })
}

/// Compiles, builds, verifies and publishes the list several times.
fn prepare(effort: &Effort, subject: &mut Subject, set: &Set) -> Result<Preparation> {
    let [mut compile, mut stage, mut prove, mut publish] = [(); 4].map(|()| Vec::new());
    let mut whole = Vec::new();
    for _ in 0..effort.lists {
        let begin = Instant::now();
        let mut since = begin;
        let mut lap = |laps: &mut Vec<f64>| {
            laps.push(since.elapsed().as_secs_f64() * 1e3);
            since = Instant::now();
        };
        let compiled = subject.compile(&set.ranges)?;
        lap(&mut compile);
        let staged = subject.kernel.stage(&compiled)?;
        lap(&mut stage);
        let verified = subject.kernel.verify(staged, &compiled)?;
        lap(&mut prove);
        subject.kernel.activate(verified)?;
        lap(&mut publish);
        whole.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    Ok(Preparation {
        compile: Stat::of(&compile)?,
        build: Stat::of(&stage)?,
        prove: Stat::of(&prove)?,
        publish: Stat::of(&publish)?,
        whole: Stat::of(&whole)?,
    })
}

/// Times a do-nothing program and each subject, with one source and with random sources.
fn costs(effort: &Effort, subjects: &[(Build, Subject)], set: &Set) -> Result<Vec<ScaleCost>> {
    let segment = Packet::between(sets::one_source(&set.ranges)?, host_v4(0).into(), Tcp::new(40_000, 25));
    let frame = Frame::new(segment).pad(60).bytes();
    let sources = sets::sources(&set.ranges, SOURCES)?;
    let frags = subjects.iter().all(|(_, subject)| subject.frags());
    let floor = programs::floor(frags)?;
    let own = subjects.iter().map(|(_, subject)| &subject.program);
    let drawing = [&floor].into_iter().chain(own).map(|next| Before::drawing(&sources, next, frags));
    let drawing = drawing.collect::<Result<Vec<_>>>()?;
    let mut programs = vec![&floor, &drawing[0].program];
    for ((_, subject), drawing) in subjects.iter().zip(&drawing[1..]) {
        let drawn = &drawing.program;
        for program in [&subject.program, drawn, drawn] {
            ensure!(subject.judge(program, &frame)? == Class::Listed, "a source is not listed");
        }
        programs.extend([&subject.program, drawn]);
    }
    let values =
        interleaved(effort.rounds, &programs, |program| programs::time(program, &frame, effort.repeat))?;
    let cost = |((build, _), own): (&(Build, Subject), &[Vec<f64>])| {
        Ok(ScaleCost {
            program: build.name().to_owned(),
            floor: Stat::of(&values[0])?,
            one_source: Stat::of_differences(&own[0], &values[0])?,
            any_source: Stat::of_differences(&own[1], &values[1])?,
        })
    };
    subjects.iter().zip(values[2..].chunks(2)).map(cost).collect()
}
