using FrameFlow.Inference;
using Xunit;

namespace FrameFlow.Tests.Inference;

public sealed class DeviceRequestTests
{
    [Theory]
    [InlineData("auto", null, 0, null, false)]
    [InlineData("cpu", DeviceKind.Cpu, 0, null, false)]
    [InlineData("webgpu", DeviceKind.WebGpu, 0, null, false)]
    [InlineData("cuda:1,memory=4096", DeviceKind.Cuda, 1, 4096L << 20, false)]
    [InlineData("webgpu,fp16", DeviceKind.WebGpu, 0, null, true)]
    [InlineData("cuda,fp16", DeviceKind.Cuda, 0, null, true)]
    [InlineData("tensorrt,memory=512,fp16", DeviceKind.TensorRt, 0, 512L << 20, true)]
    public void Parse_WhatIsAllowed_IsReadAndWrittenAlike(string text, DeviceKind? kind, int index, long? arena, bool half)
    {
        DeviceRequest request = DeviceRequest.Parse(text, out string? fault);
        Assert.Null(fault);
        Assert.Equal(new DeviceRequest { Kind = kind, Index = index, ArenaBytes = arena, IsHalfPrecision = half }, request);
        Assert.Equal(text, request.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("gpu")]
    [InlineData("auto:0")]
    [InlineData("cpu:1")]
    [InlineData("webgpu:1")]
    [InlineData("cuda:")]
    [InlineData("cuda:-1")]
    [InlineData("cpu,fp16")]
    [InlineData("auto,fp16")]
    [InlineData("cuda,memory=0")]
    [InlineData("cuda,memory=4G")]
    [InlineData("cpu,memory=4096")]
    [InlineData("tensorrt,fp8")]
    public void Parse_AnythingElse_SaysWhatIsAllowed(string text)
    {
        DeviceRequest request = DeviceRequest.Parse(text, out string? fault);
        Assert.Equal($"--device {text}: {DeviceRequest.Allowed}", fault);
        Assert.Equal(new DeviceRequest(), request);
    }
}
