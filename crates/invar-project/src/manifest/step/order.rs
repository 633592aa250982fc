//! The order in which steps can run.
use std::collections::{BTreeMap, BTreeSet};

use super::{Found, Step};
use crate::manifest::StepName;
use crate::manifest::error::Problem;
use crate::manifest::reader::Reader;

/// The steps in an order in which each comes after those whose outputs it takes; of those that could come next, the
/// first in the text does. `None` if some of them wait for each other, which is reported.
pub(super) fn sorted(reader: &Reader<'_>, steps: Vec<Found>) -> Option<Vec<Step>> {
    let mut search = Search {
        reader,
        steps: &steps,
        done: BTreeSet::new(),
        path: Vec::new(),
        order: Vec::new(),
        cycles: 0,
    };
    let places: BTreeMap<&StepName, usize> =
        steps.iter().enumerate().map(|(place, found)| (&found.step.name, place)).collect();
    for place in 0..steps.len() {
        search.visit(place, &places);
    }
    let Search { order, cycles, .. } = search;
    if cycles > 0 {
        return None;
    }
    let mut steps: Vec<Option<Step>> = steps.into_iter().map(|found| Some(found.step)).collect();
    Some(order.into_iter().filter_map(|place| steps[place].take()).collect())
}

/// The most cycles that are reported: a text can have far more of them than it has lines.
const MOST_CYCLES: usize = 8;

/// A walk through the steps, depth first. It nests as deep as there are steps, of which there is a bounded number.
struct Search<'a> {
    reader: &'a Reader<'a>,
    steps: &'a [Found],
    /// The steps that are in `order`.
    done: BTreeSet<usize>,
    /// The steps whose needs are being visited, from the outermost.
    path: Vec<usize>,
    order: Vec<usize>,
    /// How many cycles have been reported.
    cycles: usize,
}

impl Search<'_> {
    fn visit(&mut self, place: usize, places: &BTreeMap<&StepName, usize>) {
        if self.done.contains(&place) || self.cycles >= MOST_CYCLES {
            return;
        }
        self.path.push(place);
        let found = &self.steps[place];
        for (name, span) in found.step.after.iter().zip(&found.after) {
            // A step with other faults is not here, and has been reported.
            let Some(&next) = places.get(name) else { continue };
            if self.done.contains(&next) || self.cycles >= MOST_CYCLES {
                continue;
            }
            if let Some(start) = self.path.iter().position(|&outer| outer == next) {
                let names = self.path[start..].iter().chain([&next]);
                let path = names.map(|&step| self.steps[step].step.name.to_string()).collect();
                self.reader.report(span.clone(), Problem::StepCycle { name: name.to_string(), path });
                self.cycles += 1;
                continue;
            }
            self.visit(next, places);
        }
        self.path.pop();
        self.done.insert(place);
        self.order.push(place);
    }
}
