//! What a [walk](super::walk) asks again because two followers seem to be one person.
//!
//! Before it: every batch is settled. Behind it: the walk settles these batches once more, or ends.

use super::conflicts::{Identities, TURN};
use super::patience;
use super::table::Stage;
use super::walk::{Run, settling};
use crate::batches::{Question, Round};
use crate::engine::deliver::Duplicates;
use crate::error::Error;

impl Run<'_, '_> {
    /// Returns the positions of elements whose identity another one has, too.
    pub(super) async fn conflicts(&mut self) -> Result<Duplicates, Error> {
        let identities = std::mem::replace(
            &mut self.identities,
            Identities::stale(self.walk.journal.folder().path(), self.asked.batches()),
        );
        let stop = &self.walk.context.run.stop;
        identities.shared(&settling(self.walk, self.asked), self.known.hints(), stop).await
    }

    /// Has each element in conflict asked about once more. Returns whether there is one that was
    /// not.
    pub(super) async fn ask_again(&mut self, conflicts: &Duplicates) -> Result<bool, Error> {
        if conflicts.count() == 0 || !patience::asks_again(conflicts.count(), self.walk.input.rows()) {
            return Ok(false);
        }
        self.pause().await?;
        let mut asks = false;
        for number in 0..self.asked.batches() {
            if number % TURN == 0 {
                self.walk.context.run.or_stopped(tokio::task::yield_now()).await?;
            }
            let positions = self.asked.positions(number);
            if !positions.iter().any(|&position| conflicts.contains(position)) {
                continue;
            }
            let batch = self.known.batch(settling(self.walk, self.asked), number)?;
            let in_conflict =
                batch.own().filter(|&place| conflicts.contains(positions[place])).map(|place| place as u8);
            let unasked = |place| {
                let round =
                    [Round::Single, Round::SingleAgain].into_iter().find(|&round| batch.to(round, place).is_none());
                round.map(|round| Question { round, places: vec![place] })
            };
            let questions: Vec<Question> = in_conflict.filter_map(unasked).collect();
            if !questions.is_empty() {
                asks = true;
                self.table.set(number, Stage::Open);
                self.queue.push(number, questions);
            }
        }
        self.asks_singles |= asks;
        Ok(asks)
    }
}
