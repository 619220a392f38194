//! The image that `deploy/release` makes: other programs than ours read and unpack it, and the node runs in it as the
//! image says: as its user, with a root that cannot be written and nothing else of this machine.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::fs::{MetadataExt as _, chown},
    path::Path,
    process::{Child, Command},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{package::run, support::own_address};

/// Mounts the root so that it cannot be written, the volume and the configuration into it, and becomes the program.
const INSIDE: &str = r#"
root=$1 data=$2 config=$3; shift 3
mount --make-rprivate /
touch "$root/etc/forewarn.toml"
mount --bind "$root" "$root"
mount --bind "$data" "$root/data"
mount --bind -o ro "$config" "$root/etc/forewarn.toml"
mount -t proc proc "$root/proc"
mount -o remount,bind,ro "$root"
exec chroot "$@"
"#;

/// A node that is killed when the test ends otherwise.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// What a GET of this path gives; nothing while nobody listens.
fn get(at: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(at).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

/// Whether there are the programs that read and unpack images.
fn can_unpack() -> bool {
    let can = ["skopeo", "umoci", "unshare"]
        .into_iter()
        .all(|program| Command::new(program).arg("--version").output().is_ok());
    if !can {
        println!("SKIPPED: no skopeo, umoci or unshare");
    }
    can
}

/// The image, as others read it, does what the Dockerfile says and runs.
pub(super) fn runs_as_it_says(image: &Path, folder: &Path) {
    if !can_unpack() {
        return;
    }
    let shown = |path: &Path| path.display().to_string();
    let version = env!("CARGO_PKG_VERSION");
    // in both forms that it has: what `docker load` reads, and the layout of OCI
    let (layout, bundle) = (folder.join("layout"), folder.join("bundle"));
    let skopeo = || {
        let mut command = Command::new("skopeo");
        command.arg("--insecure-policy");
        command
    };
    let tag = format!("oci:{}:{version}", shown(&layout));
    run(skopeo().args(["copy", &format!("docker-archive:{}:forewarn:{version}", shown(image)), &tag]));
    let other = run(skopeo().args(["inspect", "--config", &format!("oci-archive:{}", shown(image))]));
    let other: Value = serde_json::from_str(&other).unwrap();
    let config = run(skopeo().args(["inspect", "--config", &tag]));
    let config: Value = serde_json::from_str(&config).unwrap();
    assert_eq!(config["rootfs"], other["rootfs"]);
    let config = &config["config"];
    assert_eq!(config["User"], "65532:65532");
    assert_eq!(config["Volumes"], serde_json::json!({"/data": {}}));
    assert_eq!(config["ExposedPorts"], serde_json::json!({"8080/tcp": {}, "7070/tcp": {}}));
    assert_eq!(config["StopSignal"], "SIGTERM");
    assert_eq!(config["Labels"]["org.opencontainers.image.version"], version);

    run(Command::new("umoci").args(["unpack", "--image", &format!("{}:{version}", shown(&layout))]).arg(&bundle));
    let root = bundle.join("rootfs");
    let data = fs::metadata(root.join("data")).unwrap();
    assert_eq!((data.uid(), data.gid(), data.mode() & 0o777), (65532, 65532, 0o700));
    assert!(!root.join("bin").exists(), "there is no shell");
    let list: Value =
        serde_json::from_slice(&fs::read(root.join("usr/share/doc/forewarn/sbom.cdx.json")).unwrap()).unwrap();
    let libraries =
        list["components"].as_array().unwrap().iter().filter(|part| part["name"] == "libc6" || part["type"] == "file");
    assert!(libraries.count() > 0, "libraries of the system are listed");

    let (gate, control) = (SocketAddr::from((own_address(), 8080)), SocketAddr::from((own_address(), 7070)));
    let file = folder.join("forewarn.toml");
    let text = format!(
        "[node]\nname = \"a\"\ndata = \"/data\"\nreserve = \"1MiB\"\n[gate]\nlisten = \"{gate}\"\n[control]\nlisten = \"{control}\"\n\
         [[application]]\nname = \"mail\"\nroutes = [\"/mail\"]\nupstream = [\"http://127.0.0.1:9\"]\n"
    );
    fs::write(&file, text).unwrap();
    let volume = folder.join("volume");
    fs::create_dir(&volume).unwrap();
    chown(&volume, Some(65532), Some(65532)).unwrap();
    // who it runs as and what, in the words of the program that has unpacked it
    let process: Value = serde_json::from_slice(&fs::read(bundle.join("config.json")).unwrap()).unwrap();
    let process = &process["process"];
    let user = format!("--userspec={}:{}", process["user"]["uid"], process["user"]["gid"]);
    let words: Vec<&str> = process["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let mut command = Command::new("unshare");
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.args(["--mount", "sh", "-euc", INSIDE, "sh"]).args([&root, &volume, &file]);
    let mut node = Running(command.arg(user).arg(&root).args(words).spawn().unwrap());
    let began = Instant::now();
    while !get(control, "/readyz").is_some_and(|answer| answer.starts_with("HTTP/1.1 200")) {
        assert!(node.0.try_wait().unwrap().is_none(), "the node has ended");
        assert!(began.elapsed() < Duration::from_secs(60), "the node is not ready");
        std::thread::sleep(Duration::from_millis(50));
    }
    // nobody is there behind it
    assert!(get(gate, "/mail").unwrap().starts_with("HTTP/1.1 502"));
    let of = |what: &str| fs::read_to_string(format!("/proc/{}/{what}", node.0.id())).unwrap();
    let user = of("status").lines().find_map(|line| line.strip_prefix("Uid:").map(str::to_owned)).unwrap();
    assert!(user.split_whitespace().all(|id| id == "65532"), "{user}");
    let mounts = of("mountinfo");
    let of_root = mounts.lines().find(|line| line.split(' ').nth(4) == Some("/")).unwrap();
    assert!(of_root.split(' ').nth(5).unwrap().starts_with("ro,"), "{mounts}");
    assert!(volume.join("forewarn-store").exists(), "the store is in the volume");

    kill_process(Pid::from_child(&node.0), Signal::TERM).unwrap();
    assert_eq!(node.0.wait().unwrap().code(), Some(0));
}
