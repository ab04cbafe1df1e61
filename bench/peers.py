"""The servers that fan-out is compared to, each started as a process; a sentence where one cannot be had on this machine."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.measure import children, cpu_seconds
from bench.serving import ROOT, free_port, process
from bench.taps import Trigger

PAYLOAD_BYTES = 200
FRAME_BYTES = PAYLOAD_BYTES + 4

_NCHAN = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
_NGINX = """
load_module {module};
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
worker_rlimit_nofile 20000;
events {{ worker_connections 15000; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    keepalive_requests 1000000;
    location = /sub {{ nchan_subscriber websocket; nchan_channel_id hall; nchan_websocket_ping_interval 0;
      nchan_subscriber_first_message newest; }}
    location = /pub {{ nchan_publisher websocket http; nchan_channel_id hall; nchan_message_buffer_length 0;
      nchan_store_messages off; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """A running server: its port, and the processes whose CPU time is its cost."""

    name: str
    port: int
    pid: int

    def cpu(self) -> float:
        return cpu_seconds(self.pid, *children(self.pid))


@contextmanager
def python_server(name: str, module: str, *more: str, **variables: str) -> Iterator[Peer]:
    """A server of `bench/servers`."""
    port = free_port()
    with process(sys.executable, "-m", f"bench.servers.{module}", str(port), *more, port=port, **variables) as started:
        yield Peer(name, port, started.pid)


def limit_missing() -> str:
    """Why the C limit cannot be measured here; empty where it can."""
    return "" if shutil.which("cc") else "There is no C compiler (cc) here, so the limit and the ratios to it are left out."


@contextmanager
def limit() -> Iterator[Peer]:
    """The C server of bench/native, compiled for this run."""
    with TemporaryDirectory(prefix="plenum-limit-") as folder:
        program = f"{folder}/limit"
        subprocess.run(["cc", "-O2", "-o", program, str(ROOT / "bench" / "native" / "limit.c")], check=True)
        port = free_port()
        with process(program, str(port), str(PAYLOAD_BYTES), port=port) as started:
            yield Peer("C limit", port, started.pid)


def nchan_missing() -> str:
    """Why nchan cannot be measured here; empty where it can."""
    if shutil.which("nginx") and _NCHAN.exists():
        return ""
    return "nginx with the nchan module is not installed here (Debian: nginx, libnginx-mod-nchan), so nchan is left out."


@contextmanager
def nchan() -> Iterator[Peer]:
    """nginx with nchan, one worker, messages in memory."""
    with TemporaryDirectory(prefix="plenum-nchan-") as name:
        Path(name).chmod(0o755)
        port = free_port()
        config = Path(name) / "nginx.conf"
        config.write_text(_NGINX.format(module=_NCHAN, folder=name, port=port), encoding="utf-8")
        with process("nginx", "-p", name, "-c", str(config), port=port) as started:
            yield Peer("nchan", port, started.pid)


async def publisher(peer: Peer) -> Trigger:
    """What makes a peer send one frame to all its subscribers."""
    return await Trigger("x" * PAYLOAD_BYTES if peer.name == "nchan" else "publish").open(peer.port, "/pub")
