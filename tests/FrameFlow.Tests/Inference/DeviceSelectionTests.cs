using FrameFlow.Inference;
using Xunit;

namespace FrameFlow.Tests.Inference;

public sealed class DeviceSelectionTests
{
    private static readonly DeviceVerdict Works = new(true, "gives the processor's numbers within 1e-6");

    [Fact]
    public void Choose_SeveralWork_TakesTheFirstAndTriesNoOther()
    {
        int tried = 0;
        (DeviceKind kind, string line) = DeviceSelection.Choose(DeviceRequest.Preference.Select(k =>
        {
            tried++;
            return new DeviceFinding(k, k == DeviceKind.TensorRt ? new DeviceVerdict(false, "no NVIDIA driver") : Works);
        }));
        Assert.Equal(DeviceKind.Cuda, kind);
        Assert.Equal("Device: cuda (gives the processor's numbers within 1e-6); not tensorrt: no NVIDIA driver.", line);
        Assert.Equal(2, tried);
    }

    [Fact]
    public void Choose_AGpuCalculatesWrongly_TakesTheProcessorAndSaysWhy()
    {
        (DeviceKind kind, string line) = DeviceSelection.Choose(DeviceRequest.Preference.Select(k =>
            new DeviceFinding(k, k == DeviceKind.Cpu ? new DeviceVerdict(true, "2 thread(s) a session") : new DeviceVerdict(false, $"it calculates wrongly: {k}"))));
        Assert.Equal(DeviceKind.Cpu, kind);
        Assert.Equal("Device: cpu (2 thread(s) a session); not tensorrt: it calculates wrongly: TensorRt; not cuda: it calculates wrongly: Cuda; not webgpu: it calculates wrongly: WebGpu.", line);
    }

    [Fact]
    public void Choose_NothingWorks_IsADeviceFault()
    {
        FrameFlowException fault = Assert.Throws<FrameFlowException>(() => DeviceSelection.Choose([new DeviceFinding(DeviceKind.Cuda, new DeviceVerdict(false, "no NVIDIA driver"))]));
        Assert.Equal(FaultKind.Device, fault.Kind);
    }

    [Fact]
    public void For_UnknownName_IsAUsageFault()
    {
        DeviceSelection devices = new("gpu", DeviceLossPolicy.Cpu, [], _ => { });
        FrameFlowException fault = Assert.Throws<FrameFlowException>(() => devices.For(1));
        Assert.Equal(FaultKind.Usage, fault.Kind);
    }

    [Fact]
    public void For_SeveralStages_AreToldOnceAndShareTheDevice()
    {
        List<string> lines = [];
        DeviceSelection devices = new("auto", DeviceLossPolicy.Cpu, [], lines.Add) { Open = (_, _) => throw new InvalidOperationException() };
        Assert.Equal(devices.For(1).Kind, devices.For(2).Kind);
        Assert.Single(lines);
    }
}
