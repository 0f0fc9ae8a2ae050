using System.Net;

namespace FrameFlow.Reporting;

/// <summary>Text in a page.</summary>
internal static class Html
{
    /// <summary>Text as it must stand in markup or an attribute: nothing that a file's name holds becomes markup.</summary>
    public static string Text(string text) => WebUtility.HtmlEncode(text);
}
