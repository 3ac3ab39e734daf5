//! Disks that lose or alter pages: an undecided walk is cut at the damage, and read on from there.

use std::fs;

use super::*;
use crate::support::Random;
use crate::support::four_sinks::holds_the_list;
use crate::support::journal::{frames, walks};

/// What a disk may do to a file.
type Damage = Box<dyn Fn(&mut Vec<u8>)>;

#[test]
fn an_undecided_journal_that_lost_its_tail_or_a_bit_is_finished_exactly() {
    let original = large_list(1, Duration::ZERO);
    original.finish(&[]);
    let walk = current_walk(&original, 0).unwrap();
    let whole = fs::read(walk.join("pages")).unwrap();
    let mut random = Random(1);
    let mut flipped = |range: std::ops::Range<usize>| {
        let byte = range.start + random.below(range.len() as u64) as usize;
        let bit = random.below(8);
        let flip: Damage = Box::new(move |pages| pages[byte] ^= 1 << bit);
        (byte, flip)
    };
    let (length, header) = (whole.len(), frames(&whole)[0].end);
    // Without its first page a walk does not exist.
    let first_page = frames(&whole)[1].end;
    let cut = |length: usize| -> (usize, Damage) { (length, Box::new(move |pages| pages.truncate(length))) };
    let damages = [
        cut(length / 2),
        cut(header),
        cut(length - 1),
        flipped(header..length),
        flipped(header..length),
        flipped(header..first_page),
        flipped(0..header),
    ];
    for (byte, damage) in damages {
        let project = with_its_pages(&original, &walk);
        let pages = current_walk(&project, 0).unwrap().join("pages");
        let mut bytes = whole.clone();
        damage(&mut bytes);
        fs::write(&pages, bytes).unwrap();

        let calls = project.calls();
        project.finish(&[]);
        holds_the_list(&project, &project.truth());
        let intact = frames(&whole).iter().filter(|frame| frame.is_page && frame.end <= byte).count() as u64;
        // The last page that is left is read again.
        let expected = CALLS - intact.saturating_sub(1);
        assert_eq!(project.calls() - calls, expected, "damage at byte {byte} of {length}");
        assert_eq!(walks(&project).len(), if byte < first_page { 2 } else { 1 });
    }
}
