//! `fanout check --connect`: tries everything that can be tried before a run.
//!
//! Before it: `cli`. It does what a run does, as far as that costs next to nothing, and publishes
//! nothing. Behind it: a [`CheckReport`], which `cli` prints.
//!
//! ```text
//! connected: the whole check
//!   unit          each list: state, token, quota, a page
//!   place         each folder that the run will write to
//!   disk_space    each file system: free space against the lists
//!   readers       names that readers of the outputs misunderstand
//!   finding       one line of the report
//! ```

mod connected;
mod disk_space;
mod finding;
mod place;
mod readers;
mod unit;

pub use connected::check_connected;
pub use finding::{Check, CheckReport, Finding, Severity};
pub use readers::reader_warnings;
