using System.Runtime.InteropServices;

namespace FrameFlow.Inference;

/// <summary>A device that Vulkan offers.</summary>
/// <param name="Name">As its driver names it.</param>
/// <param name="IsSoftware">Whether the processor plays it (lavapipe, SwiftShader): about a hundred times slower than networks on the processor itself.</param>
internal sealed record VulkanAdapter(string Name, bool IsSoftware);

/// <summary>Asks the Vulkan loader what there is, without ONNX Runtime (Vulkan 1.0, "Devices and Queues").</summary>
internal static unsafe class VulkanAdapters
{
    private const int StructureTypeInstanceCreateInfo = 1;
    private const uint DeviceTypeCpu = 4; // VK_PHYSICAL_DEVICE_TYPE_CPU
    private const int NameOffset = 20; // behind apiVersion, driverVersion, vendorID, deviceID, deviceType
    private const int NameLength = 256; // VK_MAX_PHYSICAL_DEVICE_NAME_SIZE

    /// <summary>Every device; empty where there is no loader, no driver or no device.</summary>
    public static IReadOnlyList<VulkanAdapter> List()
    {
        if (!NativeLibrary.TryLoad(OperatingSystem.IsWindows() ? "vulkan-1.dll" : "libvulkan.so.1", out nint vulkan))
        {
            return [];
        }

        InstanceCreateInfo create = new() { Type = StructureTypeInstanceCreateInfo };
        nint instance;
        if (((delegate* unmanaged<InstanceCreateInfo*, nint, nint*, int>)NativeLibrary.GetExport(vulkan, "vkCreateInstance"))(&create, 0, &instance) != 0)
        {
            return [];
        }

        try
        {
            delegate* unmanaged<nint, uint*, nint*, int> enumerate = (delegate* unmanaged<nint, uint*, nint*, int>)NativeLibrary.GetExport(vulkan, "vkEnumeratePhysicalDevices");
            delegate* unmanaged<nint, byte*, void> describe = (delegate* unmanaged<nint, byte*, void>)NativeLibrary.GetExport(vulkan, "vkGetPhysicalDeviceProperties");
            uint count = 0;
            if (enumerate(instance, &count, null) != 0 || count == 0)
            {
                return [];
            }

            nint[] devices = new nint[count];
            fixed (nint* first = devices)
            {
                if (enumerate(instance, &count, first) < 0)
                {
                    return [];
                }
            }

            List<VulkanAdapter> adapters = [];
            byte* properties = stackalloc byte[2048]; // VkPhysicalDeviceProperties takes 824
            foreach (nint device in devices.AsSpan(0, (int)count))
            {
                describe(device, properties);
                ReadOnlySpan<byte> name = new(properties + NameOffset, NameLength);
                int end = name.IndexOf((byte)0);
                adapters.Add(new VulkanAdapter(System.Text.Encoding.UTF8.GetString(end < 0 ? name : name[..end]), ((uint*)properties)[4] == DeviceTypeCpu));
            }

            return adapters;
        }
        finally
        {
            ((delegate* unmanaged<nint, nint, void>)NativeLibrary.GetExport(vulkan, "vkDestroyInstance"))(instance, 0);
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct InstanceCreateInfo
    {
        public int Type;
        public nint Next;
        public uint Flags;
        public nint ApplicationInfo;
        public uint LayerCount;
        public nint Layers;
        public uint ExtensionCount;
        public nint Extensions;
    }
}
