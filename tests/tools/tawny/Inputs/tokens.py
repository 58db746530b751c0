"""Prints one i32 tensor of a safetensors file as a JSON list: tokens.py FILE NAME [FIRST [END]]"""

import json
import sys

import safetensors

values = safetensors.read(sys.argv[1])[sys.argv[2]][1]
print(json.dumps(values[slice(*map(int, sys.argv[3:]))] if sys.argv[3:] else values))
