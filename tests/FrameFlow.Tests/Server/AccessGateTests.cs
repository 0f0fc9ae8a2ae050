using System.Net;
using FrameFlow.Server.Dashboard;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace FrameFlow.Tests.Server;

/// <summary>What comes from another machine; the requests from this one are tried against the running server.</summary>
public sealed class AccessGateTests
{
    private const string Token = "a-token";

    [Theory]
    [InlineData("GET", "/api/jobs", null, 401)]
    [InlineData("GET", "/api/jobs", "a-toke", 401)]
    [InlineData("GET", "/api/jobs", Token, 200)]
    [InlineData("GET", "/api/events", null, 401)]
    [InlineData("GET", "/metrics", null, 401)]
    [InlineData("HEAD", "/api/jobs", null, 401)]
    [InlineData("POST", "/", null, 401)]
    [InlineData("POST", "/api/jobs/00000000000000aa/pause", Token, 200)]
    [InlineData("GET", "/", null, 200)]
    [InlineData("GET", "/app.js", null, 200)]
    [InlineData("GET", "/health", null, 200)]
    public Task Handle_FromElsewhere_NeedsTheTokenForAllButThePage(string method, string path, string? token, int status) => AssertAsync("192.0.2.7", method, path, token, status);

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    [InlineData("::ffff:127.0.0.1")]
    public async Task Handle_FromThisMachine_ReadsFreelyAndChangesWithTheToken(string from)
    {
        await AssertAsync(from, "GET", "/api/jobs", null, 200);
        await AssertAsync(from, "POST", "/api/jobs/00000000000000aa/pause", null, 401);
        await AssertAsync(from, "DELETE", "/api/jobs", null, 401);
    }

    /// <summary>A header says what its sender likes.</summary>
    [Fact]
    public Task Handle_ForwardedFor_IsNotBelieved() => AssertAsync("192.0.2.7", "GET", "/api/jobs", null, 401, request => request.Headers["X-Forwarded-For"] = "127.0.0.1");

    [Fact]
    public Task Handle_UnknownHostName_IsRefusedEvenWithTheToken() => AssertAsync("127.0.0.1", "GET", "/api/jobs", Token, 421, request => request.Host = new HostString("evil.example"));

    private static async Task AssertAsync(string from, string method, string path, string? token, int status, Action<HttpRequest>? more = null)
    {
        DefaultHttpContext context = new();
        context.Connection.RemoteIpAddress = IPAddress.Parse(from);
        context.Request.Method = method;
        context.Request.Path = path;
        context.Request.Host = new HostString("films.example", 8080);
        context.Request.Headers.Authorization = token is null ? "" : "Bearer " + token;
        more?.Invoke(context.Request);
        bool passed = false;
        await new AccessGate(Token, ["films.example"]).HandleAsync(context, _ =>
        {
            passed = true;
            return Task.CompletedTask;
        });
        Assert.Equal(status, context.Response.StatusCode);
        Assert.Equal(status == 200, passed);
    }
}
