"""ONNX Runtime without its Python package: just enough of the C API to run a graph on the CPU with the library that the product's NuGet package brought.

`run` uses the `onnxruntime` package where there is one. Numbers below are positions in OrtApi, which only ever grows at its end (onnxruntime_c_api.h).
"""
import ctypes
import glob
import os

import numpy as np

API_VERSION = 17
KINDS = {np.dtype(np.float32): 1, np.dtype(np.float16): 10, np.dtype(np.int64): 7}
ERROR_MESSAGE, CREATE_ENV, SESSION_FROM_ARRAY, RUN, SESSION_OPTIONS, SET_THREADS = 2, 3, 8, 9, 10, 24
CREATE_TENSOR, TENSOR_DATA, DIMENSION_COUNT, DIMENSIONS, TYPE_AND_SHAPE, CPU_MEMORY = 49, 51, 61, 62, 65, 69


def library():
    """Path of libonnxruntime.so in the NuGet cache, the newest; None where there is none."""
    root = os.environ.get("NUGET_PACKAGES", os.path.expanduser("~/.nuget/packages"))
    found = sorted(glob.glob(os.path.join(root, "microsoft.ml.onnxruntime", "*", "runtimes", "linux-x64", "native", "libonnxruntime.so")))
    return found[-1] if found else None


def available():
    try:
        import onnxruntime  # noqa: F401
        return True
    except ImportError:
        return library() is not None


class _Base(ctypes.Structure):
    _fields_ = [("get_api", ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_uint32)), ("version", ctypes.CFUNCTYPE(ctypes.c_char_p))]


def run(model, feeds, outputs):
    """The named outputs of an onnx.ModelProto for feeds {name: array}, float32, as arrays; RuntimeError with the runtime's words where it refuses."""
    feeds = {k: np.ascontiguousarray(v) for k, v in feeds.items()}
    data = model.SerializeToString()
    try:
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"]).run(outputs, feeds)
    except ImportError:
        pass
    native = ctypes.CDLL(library())
    native.OrtGetApiBase.restype = ctypes.POINTER(_Base)
    table = ctypes.cast(native.OrtGetApiBase().contents.get_api(API_VERSION), ctypes.POINTER(ctypes.c_void_p))
    pointer = ctypes.c_void_p

    def call(index, *arguments):
        status = ctypes.CFUNCTYPE(pointer, *[type(a) if isinstance(a, ctypes._SimpleCData) else pointer for a in arguments])(table[index])(*arguments)
        if status:
            raise RuntimeError(ctypes.CFUNCTYPE(ctypes.c_char_p, pointer)(table[ERROR_MESSAGE])(status).decode())

    environment, options, session, memory = pointer(), pointer(), pointer(), pointer()
    call(CREATE_ENV, ctypes.c_int(3), ctypes.c_char_p(b"check"), ctypes.byref(environment))
    call(SESSION_OPTIONS, ctypes.byref(options))
    call(SET_THREADS, options, ctypes.c_int(1))
    call(SESSION_FROM_ARRAY, environment, ctypes.c_char_p(data), ctypes.c_size_t(len(data)), options, ctypes.byref(session))
    call(CPU_MEMORY, ctypes.c_int(1), ctypes.c_int(0), ctypes.byref(memory))
    tensors = []
    for array in feeds.values():
        value, shape = pointer(), (ctypes.c_int64 * array.ndim)(*array.shape)
        call(CREATE_TENSOR, memory, pointer(array.ctypes.data), ctypes.c_size_t(array.nbytes), shape, ctypes.c_size_t(array.ndim), ctypes.c_int(KINDS[array.dtype]), ctypes.byref(value))
        tensors.append(value)
    names = lambda given: (ctypes.c_char_p * len(given))(*[n.encode() for n in given])
    results = (pointer * len(outputs))()
    call(RUN, session, pointer(), names(list(feeds)), (pointer * len(tensors))(*tensors), ctypes.c_size_t(len(tensors)), names(outputs), ctypes.c_size_t(len(outputs)), results)
    arrays = []
    for value in results:
        info, count, start = pointer(), ctypes.c_size_t(), pointer()
        call(TYPE_AND_SHAPE, pointer(value), ctypes.byref(info))
        call(DIMENSION_COUNT, info, ctypes.byref(count))
        shape = (ctypes.c_int64 * count.value)()
        call(DIMENSIONS, info, shape, ctypes.c_size_t(count.value))
        call(TENSOR_DATA, pointer(value), ctypes.byref(start))
        size = int(np.prod(list(shape)))
        arrays.append(np.ctypeslib.as_array(ctypes.cast(start, ctypes.POINTER(ctypes.c_float)), (size,)).reshape(list(shape)).copy())
    return arrays
