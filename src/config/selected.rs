//! Selects the accounts and lists of a pipeline that a command works on: `--account`, `--shard` and
//! `--list`.
//!
//! A step between loading the file and running it. It also says which lists a run reads, and which
//! limits each of them has.

use std::time::Duration;

use glob::Pattern;

use super::account::Account;
use super::error::{ConfigError, ConfigErrors, did_you_mean};
use super::load::Pipeline;
use super::shard::Shard;
use crate::wechat::{List, Reading};

/// How many of the known accounts an error names: a file may have thousands.
const NAMES_SHOWN: usize = 10;

impl Pipeline {
    /// Keeps the accounts whose name is one of `wanted` or matches it as a pattern (all accounts if
    /// `wanted` is empty), and of these only those of the shard, which may be none. The order of
    /// the file stays.
    ///
    /// # Errors
    ///
    /// Each name or pattern that matches no account.
    pub fn select(&mut self, wanted: &[String], shard: Option<Shard>) -> Result<(), ConfigErrors> {
        let mut problems = Vec::new();
        let mut is_selected = vec![wanted.is_empty(); self.accounts.len()];
        for wanted in wanted {
            match matching(wanted, self) {
                Ok(places) => places.into_iter().for_each(|place| is_selected[place] = true),
                Err(problem) => problems.push(problem),
            }
        }
        ConfigErrors::check(problems, Some(()))?;
        let mut is_selected = is_selected.into_iter();
        self.accounts.retain(|account| {
            is_selected.next().unwrap_or_default() && shard.is_none_or(|shard| shard.has(&account.app_id))
        });
        self.shard = shard;
        Ok(())
    }

    /// Returns the lists that a run reads, each once: first those on which others rest, then those
    /// that the sinks take, in their order.
    pub fn lists(&self) -> Vec<List> {
        let taken = self.lists_taken();
        each_once(taken.iter().filter_map(|list| list.rests_on()).chain(taken.clone()))
    }

    /// Returns the lists that the sinks take, each once, in the order of the sinks.
    pub fn lists_taken(&self) -> Vec<List> {
        each_once(self.sinks.iter().map(|sink| sink.list))
    }

    /// Returns the greatest age of a walk of `list` that is resumed.
    pub fn resume_within(&self, list: List) -> Duration {
        match list.reading() {
            Reading::Pages { .. } | Reading::PagesOfTags => self.journal.resume_within,
            // Changes go on from the end of the last ones, however long ago that was.
            Reading::Batches if list == List::CHANGES => Duration::MAX,
            Reading::Batches => self.profiles.resume_within,
            Reading::Derived => Duration::MAX,
        }
    }

    /// Returns how many calls for `list` an account has a day, where WeChat does not state them.
    pub fn daily_calls(&self, list: List) -> u64 {
        match list.reading() {
            Reading::Pages { .. } | Reading::PagesOfTags => self.source.quota.daily_calls,
            Reading::Batches => self.source.profiles.daily_calls,
            Reading::Derived => 0,
        }
    }

    /// Keeps the sinks of the lists named in `wanted`; all sinks if it is empty.
    ///
    /// # Errors
    ///
    /// Each name of a list that no sink takes.
    pub fn select_lists(&mut self, wanted: &[String]) -> Result<(), ConfigErrors> {
        let lists = self.lists_taken();
        let names: Vec<&str> = lists.iter().map(|list| list.name()).collect();
        let unknown = wanted.iter().filter(|wanted| !names.contains(&wanted.as_str()));
        let problems = unknown.map(|wanted| {
            let hint = did_you_mean(wanted, &names);
            let message = format!(
                "found no sink of the list `{wanted}`, which `--list` asks for; expected one of `{}`{hint}",
                names.join("`, `")
            );
            self.problem("sinks", message)
        });
        ConfigErrors::check(problems.collect(), Some(()))?;
        self.sinks.retain(|sink| wanted.is_empty() || wanted.iter().any(|wanted| wanted == sink.list.name()));
        Ok(())
    }

    /// Returns the account of this name.
    ///
    /// # Errors
    ///
    /// A name that no account has.
    pub fn account(&self, name: &str) -> Result<&Account, ConfigErrors> {
        let found = self.accounts.iter().find(|account| account.name == name);
        found.ok_or_else(|| unknown(name, "the command line", self).into())
    }
}

fn each_once(lists: impl Iterator<Item = List>) -> Vec<List> {
    let mut known = Vec::new();
    for list in lists {
        if !known.contains(&list) {
            known.push(list);
        }
    }
    known
}

/// Returns the places of the accounts whose name is `wanted` or matches it as a pattern.
fn matching(wanted: &str, pipeline: &Pipeline) -> Result<Vec<usize>, ConfigError> {
    let names: Vec<&str> = pipeline.accounts.iter().map(|account| account.name.as_str()).collect();
    // Before the pattern, because a name may contain `[`.
    if let Some(place) = names.iter().position(|name| *name == wanted) {
        return Ok(vec![place]);
    }
    let pattern = Pattern::new(wanted).map_err(|error| {
        let message = format!("found `--account {wanted}`, expected a name or a pattern such as `brand-*` ({error})");
        pipeline.problem("accounts", message)
    })?;
    let places: Vec<usize> = (0..names.len()).filter(|&place| pattern.matches(names[place])).collect();
    if !places.is_empty() {
        return Ok(places);
    }
    Err(unknown(wanted, "`--account`", pipeline))
}

/// Returns the error that `asking` names an unknown account, with the names of the known ones.
fn unknown(wanted: &str, asking: &str, pipeline: &Pipeline) -> ConfigError {
    let names: Vec<&str> = pipeline.accounts.iter().map(|account| account.name.as_str()).collect();
    let shown = names.iter().take(NAMES_SHOWN).copied().collect::<Vec<_>>().join("`, `");
    let more = match names.len().saturating_sub(NAMES_SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let hint = did_you_mean(wanted, &names);
    let message =
        format!("found no account `{wanted}`, which {asking} asks for; expected one of `{shown}`{more}{hint}");
    pipeline.problem("accounts", message)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Overrides;

    const FILE: &str = r#"
        name = "test"
        source.simulate = { followers = 1 }
        accounts = [
            { name = "brand", app_id = "wx1" },
            { name = "brand-shop", app_id = "wx2" },
            { name = "商店", app_id = "wx3" },
            { name = "商店 [二]", app_id = "wx4" },
        ]
        [sinks.archive]
        type = "parquet"
    "#;

    fn selected(wanted: &[&str], shard: Option<&str>) -> Result<Vec<String>, String> {
        let mut pipeline = Pipeline::from_toml(FILE, Path::new("p.toml"), &Overrides::default()).unwrap();
        let wanted: Vec<String> = wanted.iter().map(|&name| name.to_owned()).collect();
        let shard = shard.map(|shard| shard.parse().unwrap());
        pipeline.select(&wanted, shard).map_err(|errors| errors.to_string())?;
        assert_eq!((pipeline.account_names.len(), pipeline.shard), (4, shard));
        Ok(pipeline.accounts.into_iter().map(|account| account.name).collect())
    }

    #[test]
    fn accounts_are_selected_by_name_or_pattern_and_stay_in_the_order_of_the_file() {
        for (wanted, expected) in [
            (&[][..], &["brand", "brand-shop", "商店", "商店 [二]"][..]),
            (&["商店", "brand", "brand"], &["brand", "商店"]),
            (&["brand*"], &["brand", "brand-shop"]),
            (&["brand-*"], &["brand-shop"]),
            (&["商?*", "brand"], &["brand", "商店", "商店 [二]"]),
            // A name is not read as a pattern.
            (&["商店 [二]"], &["商店 [二]"]),
        ] {
            assert_eq!(selected(wanted, None).unwrap(), expected, "{wanted:?}");
        }
    }

    #[test]
    fn the_shards_divide_what_is_selected() {
        for wanted in [&[][..], &["brand*"]] {
            let all = selected(wanted, None).unwrap();
            let mut divided: Vec<_> =
                ["0/3", "1/3", "2/3"].iter().flat_map(|shard| selected(wanted, Some(shard)).unwrap()).collect();
            divided.sort_by_key(|name| all.iter().position(|known| known == name));
            assert_eq!(divided, all);
        }
        // A hundred shards have only two accounts: the others are empty, which is no error.
        let empty = (0..100).filter(|index| selected(&["brand*"], Some(&format!("{index}/100"))).unwrap().is_empty());
        assert_eq!(empty.count(), 98);
    }

    #[test]
    fn what_matches_nothing_is_reported_with_the_near_one() {
        let expected = "which `--account` asks for; expected one of `brand`, `brand-shop`, `商店`, `商店 [二]`";
        for (wanted, hint) in
            [("brnd", "; did you mean `brand`?"), ("x*", ""), ("Brand-Shop", "; did you mean `brand-shop`?")]
        {
            let message = format!("p.toml: `accounts`: found no account `{wanted}`, {expected}{hint}");
            assert_eq!(selected(&[wanted], None).unwrap_err(), message);
        }
        let both = selected(&["brnd", "brand", "x"], None).unwrap_err();
        assert_eq!(both.lines().count(), 2, "{both}");
        let malformed = selected(&["brand["], None).unwrap_err();
        assert!(
            malformed.starts_with("p.toml: `accounts`: found `--account brand[`, expected a name or a"),
            "{malformed}"
        );
    }

    #[test]
    fn a_list_that_rests_on_another_brings_it_along_and_only_lists_of_sinks_are_selected() {
        let section = |name: &str, list: &str| format!("[sinks.{name}]\ntype = 'parquet'\nlist = '{list}'\n");
        let read = |lists: &[&str], wanted: &[&str]| {
            let sinks: String = lists.iter().map(|list| section(&format!("of-{list}"), list)).collect();
            let text = FILE.split("[sinks.archive]").next().unwrap().to_owned() + &sinks;
            let mut pipeline = Pipeline::from_toml(&text, Path::new("p.toml"), &Overrides::default()).unwrap();
            let wanted: Vec<String> = wanted.iter().map(|&name| name.to_owned()).collect();
            pipeline.select_lists(&wanted).map_err(|errors| errors.to_string())?;
            Ok::<_, String>((pipeline.lists(), pipeline.sinks.len()))
        };
        let both = vec![List::FOLLOWERS, List::PROFILES];
        assert_eq!(read(&["profiles"], &[]).unwrap(), (both.clone(), 1));
        assert_eq!(read(&["profiles", "followers"], &[]).unwrap(), (both.clone(), 2));
        assert_eq!(read(&["profiles", "followers"], &["profiles"]).unwrap(), (both, 1));
        assert_eq!(read(&["profiles", "followers"], &["followers"]).unwrap(), (vec![List::FOLLOWERS], 1));
        let error = read(&["profiles"], &["followers"]).unwrap_err();
        assert!(error.ends_with("which `--list` asks for; expected one of `profiles`"), "{error}");
    }

    #[test]
    fn of_many_accounts_some_are_named() {
        let accounts: Vec<String> = (0..12).map(|n| format!("{{ name = 'a{n}', app_id = 'wx{n}' }}")).collect();
        let text = format!(
            "name = 'p'\naccounts = [{}]\nsource.simulate.followers = 1\nsinks.x.type = 'parquet'\n",
            accounts.join(", ")
        );
        let mut pipeline = Pipeline::from_toml(&text, Path::new("p.toml"), &Overrides::default()).unwrap();
        let errors = pipeline.select(&["other".to_owned()], None).unwrap_err().to_string();
        assert!(
            errors.ends_with("expected one of `a0`, `a1`, `a2`, `a3`, `a4`, `a5`, `a6`, `a7`, `a8`, `a9` and 2 more"),
            "{errors}"
        );
    }
}
