using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace FrameFlow.Inference;

/// <summary>
/// Which native ONNX Runtime this process calls. There is one a process: the managed bindings take it at their first call and keep it. So it is decided by
/// the first device that is opened: <c>webgpu</c> takes the library of <see cref="WebGpuLibrary"/>, every other the one that the build brought. The processor runs
/// through whichever is there. What must not decide it is tried in a process of its own (<see cref="DeviceTrial"/>).
/// </summary>
/// <remarks>
/// The WebGPU library is older than the bindings: they ask for API 31, it offers 30, which has two entries less, and they would refuse it. Its table of two
/// functions is therefore patched so that a demand for 31 is met with a copy of 30 whose last two entries answer "not implemented" (nothing here calls them).
/// All below <see cref="Load"/> can go as soon as onnxruntime-node is of the version of Microsoft.ML.OnnxRuntime in Directory.Packages.props, or newer: then
/// <c>NativeLibrary.Load</c> and the resolver are enough. Bindings newer than 31 are not met, and say so.
/// </remarks>
internal static unsafe partial class NativeRuntime
{
    private const uint AskedVersion = 31;
    private const uint OfferedVersion = 30;
    private const int EntriesMissing = 2;
    private const int NotImplemented = 9; // ORT_NOT_IMPLEMENTED
    private const int ReadWrite = 3; // PROT_READ | PROT_WRITE

    // The process's, as the library is: what was decided, and what the patched functions need.
    private static readonly Lock Gate = new();
    private static bool? s_isWebGpu;
    private static delegate* unmanaged<uint, nint*> s_getApi;
    private static delegate* unmanaged<int, byte*, nint> s_createStatus;

    /// <summary>Decides for a device, if nothing has yet. Call it before anything of ONNX Runtime.</summary>
    /// <exception cref="FrameFlowException">This process took the other library before, or WebGPU's cannot be loaded (<see cref="FaultKind.Device"/>).</exception>
    public static void Use(DeviceKind kind)
    {
        lock (Gate)
        {
            bool isWebGpu = kind == DeviceKind.WebGpu;
            if (s_isWebGpu is null)
            {
                if (isWebGpu)
                {
                    Load(WebGpuLibrary.Path);
                }

                s_isWebGpu = isWebGpu;
            }
            else if (s_isWebGpu != isWebGpu && kind != DeviceKind.Cpu)
            {
                throw new FrameFlowException(
                    FaultKind.Device, $"Device '{DeviceRequest.NameOf(kind)}' needs another ONNX Runtime library than the one that this process took for another film; do films on webgpu and on {(isWebGpu ? "other devices" : "cuda or tensorrt")} in processes of their own.");
            }
        }
    }

    private static void Load(string path)
    {
        if (!NativeLibrary.TryLoad(path, out nint library))
        {
            throw new FrameFlowException(FaultKind.Device, $"The library {path} cannot be loaded; run 'frameflow devices install webgpu', or give --device cpu.");
        }

        nint* apiBase = ((delegate* unmanaged<nint*>)NativeLibrary.GetExport(library, "OrtGetApiBase"))();
        s_getApi = (delegate* unmanaged<uint, nint*>)apiBase[0];

        // The table lies in what the loader made read-only after relocation; the page is private to this process.
        nint page = (nint)apiBase & ~(nint)(Environment.SystemPageSize - 1);
        if (MProtect(page, (nuint)Environment.SystemPageSize, ReadWrite) != 0)
        {
            throw new FrameFlowException(FaultKind.Device, $"The library {path} cannot be adapted (mprotect: error {Marshal.GetLastPInvokeError()}); give --device cpu.");
        }

        apiBase[0] = (nint)(delegate* unmanaged<uint, nint*>)&GetApi;
        OrtEnv.DisableDllImportResolver = true;
        NativeLibrary.SetDllImportResolver(typeof(OrtEnv).Assembly, (name, _, _) => name.Contains("onnxruntime", StringComparison.Ordinal) ? library : 0);
    }

    [UnmanagedCallersOnly]
    private static nint* GetApi(uint version)
    {
        nint* offered = s_getApi(version == AskedVersion ? OfferedVersion : version);
        if (offered == null || version != AskedVersion)
        {
            return offered;
        }

        // Asked once a process, by the bindings' static constructor; the copy lives as long as it.
        int entries = sizeof(OrtApi) / sizeof(nint);
        nint* table = (nint*)NativeMemory.Alloc((nuint)sizeof(OrtApi));
        new ReadOnlySpan<nint>(offered, entries - EntriesMissing).CopyTo(new Span<nint>(table, entries));
        new Span<nint>(table + entries - EntriesMissing, EntriesMissing).Fill((nint)(delegate* unmanaged<nint>)&Missing);
        s_createStatus = (delegate* unmanaged<int, byte*, nint>)offered[0]; // OrtApi.CreateStatus
        return table;
    }

    [UnmanagedCallersOnly]
    private static nint Missing()
    {
        fixed (byte* message = "This ONNX Runtime is older than its bindings and lacks the function"u8)
        {
            return s_createStatus(NotImplemented, message);
        }
    }

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int MProtect(nint address, nuint length, int protection);
}
