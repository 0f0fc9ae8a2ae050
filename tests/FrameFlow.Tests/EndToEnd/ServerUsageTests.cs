using Xunit;

namespace FrameFlow.Tests.EndToEnd;

/// <summary>What 'watch', 'worker' and 'serve' refuse: with 2 and one line that says what is wrong.</summary>
public sealed class ServerUsageTests : IDisposable
{
    private readonly Tool _tool = new();

    public ServerUsageTests() => Directory.CreateDirectory(_tool.At("in"));

    public void Dispose() => _tool.Dispose();

    [Theory]
    [InlineData("""{"folders":[null]}""", "folders[0]: null")]
    [InlineData("""{"folders":null}""", "folders: none is named")]
    [InlineData("""{"folders":[]}""", "folders: none is named")]
    [InlineData("""{"folders":[{"input":null,"output":"out"}]}""", "folders[0].input: null")]
    [InlineData("""{"folders":[{"input":"in","output":"out","recipe":null}]}""", "folders[0].recipe: null")]
    [InlineData("""{"folders":[{"input":"","output":"out","done":""}]}""", "folders[0].input: empty; folders[0].done: empty")]
    [InlineData("""{"folders":[{"input":"in\u0000","output":"out"}]}""", "folders[0].input: holds a NUL")]
    [InlineData("""{"folders":[{"input":"in\ud800","output":"out"}]}""", "cannot be read")]
    [InlineData("""{"folders":[{"input":"in","output":"out"}],"workers":null}""", "workers: null")]
    [InlineData("""{"folders":[{"input":"in","output":"out"}],"workers":{}}""", "workers 0 and 0: 1 to 64")]
    [InlineData("""{"folders":[{"input":"in","output":"out"}],"settle":5}""", "compare it with docs/service/watch.json")]
    [InlineData("{", "compare it with docs/service/watch.json")]
    [InlineData("null", "compare it with docs/service/watch.json")]
    public async Task Watch_ConfigurationThatCannotBe_IsRefused(string config, string reason)
    {
        await File.WriteAllTextAsync(_tool.At("c.json"), config);
        await AssertRefusedAsync(reason, "watch", "--config", "c.json", "--listen", "none", "--once");
    }

    [Theory]
    [InlineData("--config names the folders", "watch", "in", "-o", "out", "--config", "c.json", "--listen", "none")]
    [InlineData("leave out --output", "watch", "-o", "out", "--config", "c.json", "--listen", "none")]
    [InlineData("leave out IN", "serve", "in", "--config", "c.json", "--listen", "none")]
    [InlineData("workers 0 and 1: 1 to 64", "worker", "--queue", "Host=127.0.0.1", "--workers", "0")]
    [InlineData("workers 1 and -3: 1 to 64", "worker", "--queue", "Host=127.0.0.1", "--gpu-workers", "-3")]
    [InlineData("leaseSeconds 0: 5 to 86400", "worker", "--queue", "Host=127.0.0.1", "--lease", "0")]
    [InlineData("leaseSeconds NaN: 5 to 86400", "worker", "--queue", "Host=127.0.0.1", "--lease", "NaN")]
    [InlineData("leaseSeconds 1E+300: 5 to 86400", "worker", "--queue", "Host=127.0.0.1", "--lease", "1e300")]
    [InlineData("cannot listen on 192.0.2.1:8642", "serve", "in", "-o", "out", "--listen", "192.0.2.1:8642")]
    [InlineData("cannot listen on [2001:db8::1]:8642", "serve", "in", "-o", "out", "--listen", "2001:db8::1")]
    [InlineData("is no address and port", "serve", "in", "-o", "out", "--listen", "8642")]
    [InlineData("is no address and port", "serve", "in", "-o", "out", "--listen", "localhost:8642")]
    [InlineData("The token holds", "serve", "in", "-o", "out", "--token", "t\u00f6ken")]
    public Task Server_WhatCannotBe_IsRefused(string reason, params string[] arguments) => AssertRefusedAsync(reason, arguments);

    [Fact]
    public async Task Queue_EmptyVariable_IsNone()
    {
        _tool.Environment["FRAMEFLOW_QUEUE"] = "";
        await AssertRefusedAsync("A worker needs --queue", "worker");
        ToolRun run = await _tool.RunAsync("watch", "in", "-o", "out", "--settle", "0.1", "--once", "--listen", "none");
        Assert.True(run.Code == 0, run.Error);
    }

    private async Task AssertRefusedAsync(string reason, params string[] arguments)
    {
        ToolRun run = await _tool.RunAsync(arguments);
        Assert.True(run.Code == 2, run.Error);
        Assert.Contains(reason, run.Fault, StringComparison.Ordinal);
        Assert.Single(run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.False(Directory.Exists(_tool.At("out")));
    }
}
