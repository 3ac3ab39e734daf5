"""Serves S3 on a free port of this machine with moto, until standard input ends. The first line names the port.

Exit code 3: moto is not installed.
"""

import logging
import sys

try:
    from moto.server import ThreadedMotoServer
except ImportError as error:
    print(error)
    sys.exit(3)

logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
