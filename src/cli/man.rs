//! `fanout man`: the help of every command as one page for `man`.

use std::io;

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::output::Terminal;
use crate::error::Exit;

pub(super) const EXAMPLES: &str = "\
Examples:
  fanout man > ~/.local/share/man/man1/fanout.1
  fanout man | man -l -";

/// Prints the page of `command` and its subcommands.
pub(super) fn execute(command: Command, terminal: &Terminal) -> Exit {
    let page = page(command).expect("writing to a vector does not fail");
    terminal.result(&String::from_utf8_lossy(&page));
    Exit::Done
}

fn page(command: Command) -> io::Result<Vec<u8>> {
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let mut page = Vec::new();
    let man = Man::new(command.clone());
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    for subcommand in command.get_subcommands() {
        chapter(subcommand, &mut page)?;
    }
    notes(&command, "SH", &mut page)?;
    man.render_version_section(&mut page)?;
    Ok(page)
}

/// Writes the chapter of a subcommand, and those of its own subcommands.
fn chapter(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    let mut title = Roff::new();
    title.control("SH", [command.get_bin_name().unwrap_or_default().to_uppercase().as_str()]);
    title.to_writer(page)?;
    let man = Man::new(command.clone());
    let mut sections = Vec::new();
    man.render_description_section(&mut sections)?;
    man.render_synopsis_section(&mut sections)?;
    man.render_options_section(&mut sections)?;
    // Within the page of all commands, the sections of one are subsections.
    page.extend(String::from_utf8_lossy(&sections).replace(".SH ", ".SS ").bytes());
    notes(command, "SS", page)?;
    command.get_subcommands().try_for_each(|subcommand| chapter(subcommand, page))
}

/// Writes the notes below the help of a command. Its lines stay, because they are tables and examples.
fn notes(command: &Command, heading: &str, page: &mut Vec<u8>) -> io::Result<()> {
    let Some(text) = command.get_after_long_help().or_else(|| command.get_after_help()) else { return Ok(()) };
    let mut notes = Roff::new();
    notes.control(heading, ["NOTES"]);
    notes.control("nf", []);
    for line in text.to_string().lines() {
        notes.text([roman(line)]);
    }
    notes.control("fi", []);
    notes.to_writer(page)
}
