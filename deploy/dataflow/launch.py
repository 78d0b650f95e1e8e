"""Entry point of the Flex Template: its parameter `job` is that of `pixelbake run`.

All others, the launcher's own `--template_location` among them, go to Beam.
"""

import argparse

from pixelbake.cli import main

parser = argparse.ArgumentParser(allow_abbrev=False)
parser.add_argument("--job", required=True)

if __name__ == "__main__":
    own, beam_args = parser.parse_known_args()
    main(["run", own.job, "--", *beam_args])
