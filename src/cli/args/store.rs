//! `forewarn store`: the store of a node that is not running.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::OutputArgs;

/// `forewarn store`
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:\n  \
    forewarn store check --config a.toml\n  \
    forewarn store backup --config a.toml /backup/a-monday")]
pub enum StoreCommand {
    /// Read the whole store and report what is in it and what is damaged
    Check(StoreTaskArgs),
    /// Copy the store to a new folder
    Backup(StoreBackupArgs),
    /// Write the notifications as lines of JSON
    Export(ExportArgs),
    /// Read notifications that `export` wrote
    Import(ImportArgs),
    /// Give a copied or restored store a new id and a full merge
    Renew(StoreTaskArgs),
    /// Give a current stamp to notifications that were stamped by a clock far ahead and that no node has admitted
    Restamp(StoreTaskArgs),
}

/// Which store: exactly one of the two.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct StorePlace {
    /// Configuration file of the node
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of the store
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// A task that needs only the store.
#[derive(Debug, Args)]
pub struct StoreTaskArgs {
    /// Which store.
    #[command(flatten)]
    pub place: StorePlace,
    /// Form of the output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `forewarn store backup`
#[derive(Debug, Args)]
pub struct StoreBackupArgs {
    /// Which store.
    #[command(flatten)]
    pub place: StorePlace,
    /// Folder to write; must not exist yet
    #[arg(value_name = "TO")]
    pub to: PathBuf,
    /// Form of the output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `forewarn store export`
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Which store.
    #[command(flatten)]
    pub place: StorePlace,
    /// File to write; must not exist yet [default: standard output]
    #[arg(value_name = "TO")]
    pub to: Option<PathBuf>,
}

/// `forewarn store import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Which store.
    #[command(flatten)]
    pub place: StorePlace,
    /// File to read [default: standard input]
    #[arg(value_name = "FROM")]
    pub from: Option<PathBuf>,
    /// Form of the output.
    #[command(flatten)]
    pub output: OutputArgs,
}
