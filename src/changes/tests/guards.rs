//! What is said of a delta that is not plausible.

use super::super::guards::{Implausible, TotalGap, check_prefix, check_share, total_gap};

#[test]
fn changes_are_compared_with_the_larger_list() {
    for (joined, missing, base, newer) in [(0, 0, 0, 0), (50, 0, 950, 1_000), (0, 50, 1_000, 950), (20, 30, 1_000, 990)]
    {
        assert_eq!(check_share(joined, missing, base, newer, 5.0), Ok(()), "{joined}, {missing}");
    }
    for (joined, missing, base, newer) in
        [(60, 0, 940, 1_000), (0, 60, 1_000, 940), (30, 30, 1_000, 1_000), (11, 0, 0, 11)]
    {
        let rows = base.max(newer);
        let refused = Implausible::TooManyChanges { joined, missing, rows, max_percent: 5.0 };
        assert_eq!(check_share(joined, missing, base, newer, 5.0), Err(refused), "{joined}, {missing}");
    }
}

#[test]
fn a_few_changes_stop_no_short_list_unless_none_are_allowed() {
    assert_eq!(check_share(4, 6, 30, 28, 5.0), Ok(()));
    assert!(check_share(4, 7, 30, 27, 5.0).is_err());
    assert!(check_share(1, 0, 1_000_000, 1_000_001, 0.0).is_err());
}

#[test]
fn a_refusal_has_the_numbers_and_what_to_do() {
    let refused = check_share(1_000, 2_500, 10_000, 8_500, 5.0).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "1000 new and 2500 missing followers are 35.00 % of 10000, but `changes.max_change_percent` is 5"
    );
    assert!(refused.hint().contains("--accept-change"));
    let refused = check_prefix(Some("oAAAAA"), Some("oBBBBB")).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the OpenIDs begin with `oBBBBB`, but those of the list before with `oAAAAA`: these are two accounts"
    );
    assert!(refused.hint().contains("--accept-change"));
}

#[test]
fn lists_without_a_prefix_are_not_compared_by_it() {
    for (base, newer) in
        [(None, None), (Some("oAAAAA"), None), (None, Some("oBBBBB")), (Some("oAAAAA"), Some("oAAAAA"))]
    {
        assert_eq!(check_prefix(base, newer), Ok(()));
    }
}

#[test]
fn the_total_is_compared_with_who_came_and_left() {
    for (base, newer, came, left) in [(100, 100, 0, 0), (100, 103, 5, 2), (103, 100, 2, 5)] {
        assert_eq!(total_gap(base, newer, came, left), None);
    }
    let gap = total_gap(100, 103, 2, 5).unwrap();
    assert_eq!(gap, TotalGap { by_total: 3, by_changes: -3 });
    assert_eq!(gap.to_string(), "WeChat's total changed by +3, but the followers changed by -3");
}
