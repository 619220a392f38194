//! `forewarn store …`: work on the store of a node that is not running.

use std::io::Write;
use std::path::PathBuf;

use serde_json::json;

use super::args::{ExportArgs, ImportArgs, StoreBackupArgs, StoreCommand, StorePlace, StoreTaskArgs};
use super::error::{CliError, json_line};
use super::show::{Cell, Screen, Table, Tone};
use crate::availability::Rules;
use crate::config::Settings;
use crate::node::{NodeError, maintenance};
use crate::store::{self, Report};

/// The reserve where no configuration names one, in bytes (the configuration's default).
const RESERVE: u64 = 64 * 1024 * 1024;

/// Runs the subcommand; the result is on `out`.
///
/// # Errors
///
/// [`CliError::Store`] when the store cannot be worked on, [`CliError::Refused`] or
/// [`CliError::Told`] when something is wrong with it, [`CliError::Config`], [`CliError::Output`].
pub fn run(command: &StoreCommand, screen: &Screen, out: &mut dyn Write) -> Result<(), CliError> {
    match command {
        StoreCommand::Check(args) => check(args, screen, out),
        StoreCommand::Backup(args) => backup(args, out),
        StoreCommand::Renew(args) => {
            let (dir, reserve) = place(&args.place)?;
            done(args.output.json, maintenance::renew(&dir, reserve), out)
        }
        StoreCommand::Export(args) => export(args, out),
        StoreCommand::Import(args) => import(args, out),
        StoreCommand::Restamp(args) => {
            let (dir, reserve) = place(&args.place)?;
            done(args.output.json, maintenance::restamp(&dir, reserve, rules(&args.place)?), out)
        }
    }
}

/// δ and lapse of the node's configuration; the defaults where only the folder is named.
fn rules(place: &StorePlace) -> Result<Rules, CliError> {
    let Some(file) = &place.config else { return Ok(Rules::default()) };
    let farm = Settings::load(file)?.farm;
    Ok(Rules { max_clock_skew: farm.max_clock_skew, lapse: farm.lapse })
}

/// What was done, in words or as JSON.
fn done(json: bool, result: Result<String, NodeError>, out: &mut dyn Write) -> Result<(), CliError> {
    let text = result.map_err(|error| CliError::Refused(error.to_string()))?;
    if json {
        return json_line(out, &json!({ "ok": true, "done": text }));
    }
    writeln!(out, "{text}").map_err(CliError::Output)
}

fn export(args: &ExportArgs, out: &mut dyn Write) -> Result<(), CliError> {
    let (dir, reserve) = place(&args.place)?;
    let refused = |error: NodeError| CliError::Refused(error.to_string());
    let Some(to) = &args.to else {
        return maintenance::export(&dir, reserve, out).map(drop).map_err(refused);
    };
    let file =
        std::fs::File::create_new(to).map_err(|error| CliError::Refused(format!("{}: {error}", to.display())))?;
    let mut file = std::io::BufWriter::new(file);
    let records = maintenance::export(&dir, reserve, &mut file).map_err(refused)?;
    file.get_ref().sync_all().map_err(CliError::Output)?;
    writeln!(out, "{}: {records} records", to.display()).map_err(CliError::Output)
}

fn import(args: &ImportArgs, out: &mut dyn Write) -> Result<(), CliError> {
    let (dir, reserve) = place(&args.place)?;
    let records = match &args.from {
        Some(from) => {
            let file =
                std::fs::File::open(from).map_err(|error| CliError::Refused(format!("{}: {error}", from.display())))?;
            maintenance::import(&dir, reserve, &mut std::io::BufReader::new(file))
        }
        None => maintenance::import(&dir, reserve, &mut std::io::stdin().lock()),
    };
    let text = records.map(|records| format!("{}: {records} records", dir.display()));
    done(args.output.json, text, out)
}

/// The store's folder, and the bytes that must stay free beside it.
fn place(place: &StorePlace) -> Result<(PathBuf, u64), CliError> {
    match (&place.config, &place.data) {
        (Some(file), _) => {
            let settings = Settings::load(file)?;
            Ok((settings.node.data, settings.node.reserve))
        }
        (None, Some(dir)) => Ok((dir.clone(), RESERVE)),
        // the group of arguments is required, so this is for callers that made it themselves
        (None, None) => Err(CliError::Usage("name --config or --data".to_owned())),
    }
}

fn check(args: &StoreTaskArgs, screen: &Screen, out: &mut dyn Write) -> Result<(), CliError> {
    let (dir, reserve) = place(&args.place)?;
    let report = match store::check(&dir, reserve) {
        Ok(report) => report,
        Err(error) if args.output.json => {
            let value = json!({
                "store": dir.display().to_string(), "ok": false, "error": error.to_string(),
            });
            json_line(out, &value)?;
            return Err(CliError::Told);
        }
        Err(error) => return Err(error.into()),
    };
    let problems = report.problems();
    let ok = problems.is_empty();
    if args.output.json {
        json_line(out, &as_json(&dir, &report, &problems))?;
        return if ok { Ok(()) } else { Err(CliError::Told) };
    }
    let mut table = Table::new(&["TREE", "RECORDS", "BYTES", "ODD"]);
    for tree in &report.trees {
        let odd = Cell::new(tree.odd.to_string());
        table.row([
            Cell::new(&tree.name),
            Cell::new(tree.records.to_string()),
            Cell::new((tree.key_bytes + tree.value_bytes).to_string()),
            if tree.odd > 0 { odd.tone(Tone::Bad) } else { odd },
        ]);
    }
    let next = match report.layout < report.newest {
        true => format!("; the next start migrates it to {}", report.newest),
        false => String::new(),
    };
    let text = format!(
        "{}: layout {}{next}\n{}{} bytes on disk, {} free\n",
        dir.display(),
        report.layout,
        table.render(screen.colour),
        report.file_bytes,
        report.free,
    );
    let verdict = if ok { "all right\n" } else { "" };
    write!(out, "{text}{verdict}").map_err(CliError::Output)?;
    match ok {
        true => Ok(()),
        false => Err(CliError::Refused(format!("the store has problems:\n  {}", problems.join("\n  ")))),
    }
}

fn as_json(dir: &std::path::Path, report: &Report, problems: &[String]) -> serde_json::Value {
    let trees = report.trees.iter().map(|tree| {
        json!({
            "name": tree.name, "known": tree.known, "records": tree.records,
            "key_bytes": tree.key_bytes, "value_bytes": tree.value_bytes, "odd": tree.odd,
            "altered": tree.altered, "lost": tree.lost,
        })
    });
    json!({
        "store": dir.display().to_string(), "ok": problems.is_empty(), "problems": problems,
        "layout": report.layout, "newest_layout": report.newest,
        "trees": trees.collect::<Vec<_>>(), "blobs": report.blobs,
        "file_bytes": report.file_bytes, "free": report.free, "reserve": report.reserve,
    })
}

fn backup(args: &StoreBackupArgs, out: &mut dyn Write) -> Result<(), CliError> {
    let (dir, reserve) = place(&args.place)?;
    let to = args.to.display().to_string();
    let copied = match store::backup(&dir, &args.to, reserve) {
        Ok(copied) => copied,
        Err(error) if args.output.json => {
            json_line(out, &json!({"backup": to, "ok": false, "error": error.to_string()}))?;
            return Err(CliError::Told);
        }
        Err(error) => return Err(error.into()),
    };
    if args.output.json {
        let value = json!({
            "store": dir.display().to_string(), "backup": to, "ok": true,
            "records": copied.records, "bytes": copied.bytes,
        });
        return json_line(out, &value);
    }
    writeln!(
        out,
        "{to}: {} records, {} bytes, read back and synced. In the place of the first one it is \
         known as a copy: `forewarn store renew` gives it an id of its own.",
        copied.records, copied.bytes
    )
    .map_err(CliError::Output)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cli::args::{Cli, Command};
    use crate::cli::fake::screen;
    use crate::store::{Options, Store};
    use clap::Parser as _;

    fn store(words: &[&str]) -> (Result<(), CliError>, String) {
        let words = ["forewarn", "store"].iter().chain(words);
        let Command::Store(command) = Cli::try_parse_from(words).unwrap().command else {
            panic!("not a store command");
        };
        let mut out = Vec::new();
        let result = run(&command, &screen(), &mut out);
        (result, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_store_is_checked_and_copied() {
        let folder = tempfile::tempdir().unwrap();
        let (dir, to) = (folder.path().join("s"), folder.path().join("copy"));
        drop(Store::open(&dir, Options::default()).unwrap());
        let (dir, to) = (dir.to_str().unwrap(), to.to_str().unwrap());
        let (result, out) = store(&["check", "--data", dir]);
        result.unwrap();
        assert!(out.contains("\npending ") && out.ends_with("all right\n"), "{out}");

        let (result, out) = store(&["backup", "--data", dir, to, "--json"]);
        result.unwrap();
        let shown: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(shown["ok"], true);
        let (result, out) = store(&["check", "--data", to, "--json"]);
        result.unwrap();
        assert!(out.contains("\"problems\":[]"), "{out}");

        let (result, _) = store(&["backup", "--data", dir, to]);
        assert!(result.unwrap_err().to_string().contains("exists already"));
    }

    #[test]
    fn what_is_no_store_fails_in_both_forms() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("none");
        let dir = dir.to_str().unwrap();
        let (result, out) = store(&["check", "--data", dir]);
        assert!(matches!(result, Err(CliError::Store(_))) && out.is_empty());
        let (result, out) = store(&["check", "--data", dir, "--json"]);
        assert!(matches!(result, Err(CliError::Told)) && out.contains("\"ok\":false"));
    }
}
