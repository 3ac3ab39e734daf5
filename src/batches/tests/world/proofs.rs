//! The generator itself: that a world is as bad as it says, and no worse.

use std::collections::BTreeMap;

use super::*;

const WORLDS: u64 = 2_000;

fn batches(world: &World) -> impl Iterator<Item = Vec<usize>> {
    let travelling: Vec<usize> = (0..world.len()).filter(|&id| world.travels(id)).collect();
    travelling.chunks(WIDTH).map(<[usize]>::to_vec).collect::<Vec<_>>().into_iter()
}

fn ask(world: &World, round: Round, ids: &[usize]) -> Answer {
    world.answer(&Question { round, places: (0..ids.len() as u8).collect() }, ids)
}

/// Returns the rows of the answer that hold an identity that is not the element's.
fn moved(world: &World, ids: &[usize], answer: &Answer) -> usize {
    let Answer::Rows { rows, .. } = answer else { return 0 };
    let is_moved = |(id, row): (&usize, &Option<Row>)| {
        row.and_then(|row| row.identity)
            .is_some_and(|identity| world.truth(*id).rows.iter().all(|row| row.identity != Some(identity)))
    };
    ids.iter().zip(rows).filter(|&pair| is_moved(pair)).count()
}

#[test]
fn every_misbehaviour_occurs_and_a_quarter_of_the_batches_are_good() {
    let (mut seen, mut all, mut good) = (BTreeMap::<&str, u32>::new(), 0, 0);
    for world in (0..WORLDS).map(World::random) {
        for ids in batches(&world) {
            let answer = ask(&world, Round::First, &ids);
            let mut see = |name, is| *seen.entry(name).or_default() += u32::from(is);
            see("refused", answer == Answer::Refused);
            see("too many", answer == Answer::TooMany);
            see("unreadable", answer == Answer::Unreadable);
            all += 1;
            let moved = moved(&world, &ids, &answer);
            let Answer::Rows { rows, is_strange } = answer else { continue };
            let ends_well =
                rows.last().is_some_and(|row| row.is_some_and(|row| world.truth(ids[ids.len() - 1]).allows(&row)));
            see("moved to the end", moved > 0 && !ends_well);
            see("moved and undone", moved > 1 && ends_well);
            see("strange", is_strange);
            see("missing", rows.contains(&None));
            see("left", rows.contains(&Some(NOT_THERE)));
            let is_good = ids.iter().zip(&rows).all(|(&id, row)| row.is_some_and(|row| world.truth(id).allows(&row)));
            good += u32::from(is_good && !is_strange);
        }
    }
    assert!(seen.values().all(|&times| times > 30), "{seen:?} in {all} batches");
    assert!(4 * good > all, "{good} of {all} batches are good");
}

#[test]
fn a_single_is_true_or_can_be_seen_to_be_useless() {
    for world in (0..WORLDS).map(World::random) {
        for id in 0..world.len() {
            for round in [Round::Single, Round::SingleAgain] {
                let answer = ask(&world, round, &[id]);
                assert_eq!(answer, ask(&world, round, &[id]));
                let truth = world.truth(id);
                match answer {
                    Answer::Refused => assert!(truth.is_refused),
                    Answer::Unreadable | Answer::TooMany => assert!(truth.is_unreadable),
                    Answer::Rows { rows, .. } => match rows[..] {
                        [Some(row)] => {
                            let is_false_zero = !world.travels(id) && round == Round::Single && row == NOT_THERE;
                            assert!(truth.allows(&row) || is_false_zero, "{world:?}: {id}");
                        }
                        [None] => assert!(truth.is_unreadable || round == Round::Single),
                        _ => panic!("{} rows", rows.len()),
                    },
                }
            }
        }
    }
}

#[test]
fn a_sly_world_moves_identities_and_shows_nothing_else() {
    let mut moving = 0;
    for world in (0..WORLDS).map(World::sly) {
        for ids in batches(&world) {
            let answer = ask(&world, Round::First, &ids);
            let moved = moved(&world, &ids, &answer);
            let Answer::Rows { rows, is_strange: false } = answer else { panic!("{answer:?}") };
            assert!(rows.iter().all(|row| row.is_some_and(|row| row.is_there)));
            let mut identities: Vec<_> = rows.iter().flatten().filter_map(|row| row.identity).collect();
            let both_ends =
                [0, ids.len() - 1].iter().all(|&place| world.truth(ids[place]).allows(&rows[place].unwrap()));
            if moved > 0 && both_ends {
                moving += 1;
                identities.sort_unstable();
                assert!(identities.is_sorted_by(|one, next| one < next), "all are distinct");
                assert_eq!(identities.len(), ids.len());
            }
        }
    }
    assert!(moving * 3 > WORLDS, "{moving} batches");
}

#[test]
fn a_stubborn_world_says_one_thing() {
    for answer in [Answer::Refused, Answer::TooMany, Answer::Unreadable] {
        let world = World::stubborn(1, answer.clone());
        assert_eq!(ask(&world, Round::First, &[0, 1]), answer);
        assert_eq!(ask(&world, Round::Single, &[0]), answer);
        assert_eq!(world.truth(0).is_refused, answer == Answer::Refused);
        assert!(world.truth(0).is_refused != world.truth(0).is_unreadable && !world.truth(0).may_be_left());
    }
}
