//! The command line: one file a command, output and exit codes.
