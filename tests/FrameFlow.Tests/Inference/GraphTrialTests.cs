using FrameFlow.Inference;
using FrameFlow.Tests.Support;
using Xunit;

namespace FrameFlow.Tests.Inference;

public sealed class GraphTrialTests
{
    [Fact]
    public void Read_Profile_SumsKernelsByOperatorWithoutTheFirstRun()
    {
        // Two convolutions and an addition, run three times; times in microseconds.
        string[] events =
        [
            """{"cat":"Session","name":"model_run","dur":99999,"args":{}}""",
            .. new[] { (900, 800, 70), (1000, 2000, 10), (3000, 4000, 30) }.SelectMany(t => new[]
            {
                Event("a_kernel_time", "Conv", t.Item1), Event("b_kernel_time", "Conv", t.Item2), Event("c_kernel_time", "Add", t.Item3), Event("c_fence_before", "Add", 5000),
            }),
        ];
        IReadOnlyList<OperatorTime> found = GraphTrial.Read($"[{string.Join(',', events)}]", 3);
        Assert.Equal(["Conv", "Add"], found.Select(o => o.Operator));
        Assert.Equal([2, 1], found.Select(o => o.Count));
        Assert.Equal(5, found[0].Milliseconds, 9);
        Assert.Equal(0.02, found[1].Milliseconds, 9);

        static string Event(string name, string kind, int microseconds) => $$$"""{"cat":"Node","name":"{{{name}}}","dur":{{{microseconds}}},"args":{"op_name":"{{{kind}}}"}}""";
    }

    [Theory]
    [InlineData("light", "interpolate")]
    [InlineData("denoise-light", "denoise")]
    [InlineData("denoise-full", "denoise")]
    public void Run_ShippedGraphs_TellsOfTheirConvolutions(string name, string task)
    {
        Model model = new ModelCatalog(Repository.Models).Find(name, task);
        foreach (string graph in model.Manifest.Files.Keys)
        {
            GraphTime time = GraphTrial.Run(model.PathOf(graph), ExecutionDevice.Cpu(1), 32, 48, 2, TestContext.Current.CancellationToken);
            Assert.True(time.Milliseconds > 0);
            Assert.Contains(time.Operators, o => o.Operator.Contains("Conv", StringComparison.Ordinal) && o.Count > 5);
        }
    }

    [Fact]
    public void Run_NoGraph_IsAFaultOfTheModel()
    {
        string path = Path.GetTempFileName();
        try
        {
            FrameFlowException fault = Assert.Throws<FrameFlowException>(() => GraphTrial.Run(path, ExecutionDevice.Cpu(1), 32, 32, 1, TestContext.Current.CancellationToken));
            Assert.Equal(FaultKind.Model, fault.Kind);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
