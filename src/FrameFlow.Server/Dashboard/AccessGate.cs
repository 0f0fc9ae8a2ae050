using System.Net;
using System.Security.Cryptography;

namespace FrameFlow.Server.Dashboard;

/// <summary>
/// Who may do what: reading from this machine is free; every change, and everything from elsewhere, needs the token. A request whose Host header is not an
/// address that we listen on is refused: a foreign page could otherwise lead a browser here (DNS rebinding).
/// </summary>
/// <param name="token">The token.</param>
/// <param name="hosts">Host names, beside addresses of this machine itself, under which the dashboard is reached.</param>
public sealed class AccessGate(string token, IReadOnlyCollection<string> hosts)
{
    private readonly byte[] _token = SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(token));

    /// <summary>A token that nobody guesses: 32 hexadecimal digits.</summary>
    public static string NewToken() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    /// <summary>The middleware.</summary>
    public async Task HandleAsync(HttpContext context, RequestDelegate next)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(next);
        context.Response.Headers["X-Content-Type-Options"] = "nosniff";
        context.Response.Headers["X-Frame-Options"] = "DENY";
        context.Response.Headers["Referrer-Policy"] = "no-referrer";
        context.Response.Headers.ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        string host = context.Request.Host.Host;
        bool isKnownHost = host is "localhost" || IPAddress.TryParse(host.Trim('[', ']'), out _) || hosts.Contains(host, StringComparer.OrdinalIgnoreCase);
        if (!isKnownHost)
        {
            await RefuseAsync(context, StatusCodes.Status421MisdirectedRequest, "This host name is not served here; give it with --host-name.");
            return;
        }

        // The page itself, its script and its style hold no data; the script asks for the token.
        bool isPage = HttpMethods.IsGet(context.Request.Method) && context.Request.Path.Value is "/" or "/app.js" or "/app.css" or "/favicon.ico" or "/health";
        bool isLocal = context.Connection.RemoteIpAddress is { } from && IPAddress.IsLoopback(from);
        bool isRead = HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method);
        if (!isPage && !(isLocal && isRead) && !HasToken(context.Request))
        {
            context.Response.Headers.WWWAuthenticate = "Bearer";
            await RefuseAsync(context, StatusCodes.Status401Unauthorized, "This needs the token that 'frameflow' printed at its start: Authorization: Bearer TOKEN.");
            return;
        }

        await next(context);
    }

    private static Task RefuseAsync(HttpContext context, int status, string reason)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsJsonAsync(new { error = reason }, context.RequestAborted);
    }

    private bool HasToken(HttpRequest request)
    {
        string header = request.Headers.Authorization.ToString();
        const string Scheme = "Bearer ";
        return header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)
            && CryptographicOperations.FixedTimeEquals(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(header[Scheme.Length..].Trim())), _token);
    }
}
