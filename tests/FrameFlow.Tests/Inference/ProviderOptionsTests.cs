using FrameFlow.Inference;
using Xunit;

namespace FrameFlow.Tests.Inference;

/// <summary>What can be tested of CUDA and TensorRT without a GPU: what they are told.</summary>
public sealed class ProviderOptionsTests
{
    private static readonly string Weights = new('a', 64);

    [Fact]
    public void Cuda_Request_BecomesOptions()
    {
        Dictionary<string, string> options = ProviderOptions.Cuda(DeviceRequest.Parse("cuda:2,memory=1024", out _));
        Assert.Equal("2", options["device_id"]);
        Assert.Equal("1073741824", options["gpu_mem_limit"]);
        Assert.Equal("0", options["use_tf32"]);
        Assert.DoesNotContain("gpu_mem_limit", ProviderOptions.Cuda(new DeviceRequest { Kind = DeviceKind.Cuda }).Keys);
    }

    [Fact]
    public void TensorRt_Request_BecomesOptions()
    {
        Dictionary<string, string> options = ProviderOptions.TensorRt(DeviceRequest.Parse("tensorrt:1,memory=256,fp16", out _), "/engines");
        Assert.Equal("1", options["device_id"]);
        Assert.Equal("268435456", options["trt_max_workspace_size"]);
        Assert.Equal("1", options["trt_fp16_enable"]);
        Assert.Equal("1", options["trt_engine_cache_enable"]);
        Assert.Equal("/engines", options["trt_engine_cache_path"]);
        Assert.Equal("0", ProviderOptions.TensorRt(new DeviceRequest { Kind = DeviceKind.TensorRt }, "/engines")["trt_fp16_enable"]);
    }

    [Fact]
    public void WebGpu_AlwaysAsksForNchw()
    {
        Assert.Equal(new Dictionary<string, string> { ["preferredLayout"] = "NCHW" }, ProviderOptions.WebGpu([]));
        Assert.Equal("/a\n/b", ProviderOptions.WebGpu(["/a", "/b"])["forceCpuNodeNames"]);
    }

    /// <summary>An engine is of one set of weights, one driver, one GPU and one precision; taken for another it would calculate nonsense, or crash.</summary>
    [Fact]
    public void EngineFolder_AnyOtherKey_IsAnotherFolder()
    {
        DeviceRequest request = new() { Kind = DeviceKind.TensorRt };
        string[] folders =
        [
            ProviderOptions.EngineFolder(Weights, "550.54.14", request),
            ProviderOptions.EngineFolder(new string('b', 64), "550.54.14", request),
            ProviderOptions.EngineFolder(Weights, "560.10", request),
            ProviderOptions.EngineFolder(Weights, "550.54.14", request with { Index = 1 }),
            ProviderOptions.EngineFolder(Weights, "550.54.14", request with { IsHalfPrecision = true }),
        ];
        Assert.Equal(folders.Length, folders.Distinct().Count());
        Assert.Equal(folders[0], ProviderOptions.EngineFolder(Weights, "550.54.14", request with { ArenaBytes = 1 }));
    }

    [Theory]
    [InlineData("NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22 01:44:30 UTC 2024\nGCC version:  gcc version 12.2.0\n", "550.54.14")]
    [InlineData("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.82  Release Build\n", "580.82")]
    [InlineData("nothing\n", "unknown")]
    public void NvidiaDriver_WhatTheModuleSays_GivesItsVersion(string said, string version)
    {
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, said);
            Assert.Equal(version, ProviderOptions.NvidiaDriver(file));
        }
        finally
        {
            File.Delete(file);
        }

        Assert.Equal("unknown", ProviderOptions.NvidiaDriver(file));
    }
}
