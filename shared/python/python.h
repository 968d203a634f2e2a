// The one include of Python.h: the limited API of 3.9, so that one build serves every later CPython.
#pragma once

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x03090000
#include <Python.h>
